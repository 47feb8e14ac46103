/** `roundtrip` on a model in closed form. */
import { expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import { model, prompt, sampling, start, toLastDigitsDb } from '../../test/hosts/operations.js'
import { roundTripOperation } from './index.js'

it('roundtrip: given the latent the noise and every 8-bit value come back', async () => {
  const host = memoryHost(model)
  const { result, files } = await start(roundTripOperation, host, { prompt, seed: 2, ...sampling, report: 'out' })
  const [givenLatent, givenPicture] = result.legs
  expect(givenLatent).toMatchObject({ given: 'latent', again: { equalValuesShare: 1 } })
  expect(givenLatent!.noiseNmseDb).toBeLessThan(toLastDigitsDb)
  expect(givenPicture!.noiseNmseDb).toBeGreaterThan(givenLatent!.noiseNmseDb!)
  expect(files).toContain('out/roundtrip.report.json')
})
