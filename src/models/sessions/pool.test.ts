/** A pool needs something that runs networks: it says so before anything is read. */
import { expect, it } from 'vitest'
import { nodeFiles } from '../../node/files.js'
import { openDiffusionModel } from '../diffusion-model.js'
import { sessionPool } from './pool.js'

it.each([
  [undefined, 'none'],
  [null, 'null'],
  ['cpu', 'the text `cpu`'],
  [{ device: 'cpu' }, 'a value of type object'],
])('%j is not a runtime', async (given, got) => {
  const refused = new RegExp(`what runs networks for \`runtime\`, got ${got}. Pass \`ortNode\\(\\)\``)
  expect(() => sessionPool(given as never, 'small', { sessions: 1 })).toThrow(refused)
  await expect(openDiffusionModel(nodeFiles, 'nowhere', given as never)).rejects.toThrow(refused)
})
