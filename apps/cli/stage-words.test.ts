/** Progress says what is being done; names of files and of parts stay as they are. */
import { expect, it } from 'vitest'
import { stageWords } from './stage-words.js'

it.each([
  ['automatic', 'finding the latent (automatic)'],
  ['gradient steps', 'finding the latent (gradient steps)'],
  ['picture → noise: implicit anderson', 'picture → noise: going back to the noise (implicit anderson)'],
  ['naive', 'going back to the noise (naive)'],
  ['ddim', 'drawing the picture (ddim)'],
  ['attention', 'finding the mask (attention)'],
  ['encode', 'encoding the picture'],
  ['exact-blending', 'going back to the noise (exact-blending)'],
  ['noise → picture: decode', 'noise → picture: decoding the picture'],
  ['naive on ddim:steps=4', 'going back to the noise (naive on ddim:steps=4)'],
  ['decode, naive on ddim:steps=4', 'decoding the picture (naive on ddim:steps=4)'],
  ['gradient steps, naive on ddim', 'finding the latent (gradient steps, naive on ddim)'],
  ['automatic on bdia, from the latent', 'going back to the noise (automatic on bdia, from the latent)'],
  ['mine on bdia', 'going back to the noise (mine on bdia)'],
  ['automatic, automatic on bdia', 'finding the latent (automatic, automatic on bdia)'],
  ['implicit:iteration=picard on ddim', 'going back to the noise (implicit:iteration=picard on ddim)'],
  ['ddim:spacing=lambda,steps=50', 'drawing the picture (ddim:spacing=lambda,steps=50)'],
  ['ball.png', 'ball.png'],
  ['most probable noise, round 1 of 3', 'most probable noise, round 1 of 3'],
])('%s', (stage, words) => {
  expect(stageWords(stage)).toBe(words)
})
