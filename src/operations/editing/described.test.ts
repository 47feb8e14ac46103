/** A prompt that does not describe a picture is told from one that does. */
import { expect, it } from 'vitest'
import { editableModel, editedPrompts } from '../../../test/laws/analytic-model.js'
import { generate } from '../../verbs/generate.js'
import { isMisdescribed } from './described.js'

it.each([1, 2, 3])('knows the prompt of what was generated from another one, seed %i', async (seed) => {
  const model = editableModel()
  const [prompt, other] = editedPrompts
  const { latent } = await generate({ model, prompt, seed, guidance: 1 })
  expect(await isMisdescribed(model, latent, prompt)).toBe(false)
  expect(await isMisdescribed(model, latent, other)).toBe(true)
})
