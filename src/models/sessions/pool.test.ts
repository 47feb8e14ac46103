/** A pool needs something that runs networks: it says so before anything is read. */
import assert from 'node:assert'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bundledFile } from '../../node/bundled.js'
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

it('a folder that is not there is told so by its whole path, with the models beside it', async () => {
  const runtime = { open: async () => assert.fail() } as never
  const missing = join(bundledFile('models'), 'undiffuse-scene')
  const told = openDiffusionModel(nodeFiles, missing, runtime)
  await expect(told).rejects.toThrow(/undiffuse-scene`, got no such file or folder.*`undiffuse-scenes`/)
  await expect(openDiffusionModel(nodeFiles, '/nowhere', runtime)).rejects.toThrow(/`\/nowhere`, got no such file/)
})
