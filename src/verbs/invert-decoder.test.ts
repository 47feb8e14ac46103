import { describe, expect, it } from 'vitest'
import { analyticAutoencoder, imageShape, latentShape, pictureModel } from '../../test/laws/analytic-autoencoder.js'
import type { Autoencoder, DecoderInverter } from '../autoencoder/autoencoder.js'
import { accelerated, encoderOnly } from '../autoencoder/index.js'
import { decoderInverters } from '../catalog.js'
import { Task } from '../core/task.js'
import { torchGenerator } from '../math/noise.js'
import { map, norm, subtract, type Tensor } from '../math/tensor.js'
import { round8 } from '../pictures/pixels.js'
import { invertDecoder, invertDecoderAll } from './invert-decoder.js'

const autoencoder = analyticAutoencoder(0.6)
const { model } = pictureModel(autoencoder)
const random = torchGenerator(5)
/** Latents this small have pictures within [−1, 1]. */
const smallLatent = () => map(random.noise(latentShape), (value) => 0.3 * value)
const pictures = await Promise.all(
  Array.from({ length: 3 }, async () => round8(await autoencoder.decode(smallLatent()))),
)
const picture = pictures[0]!
const distance = (a: Tensor, b: Tensor) => norm(subtract(a, b))
const encodedPicture = async (x: Tensor) => autoencoder.decode(await autoencoder.encode(x))

describe.each(decoderInverters.map((make) => [make.definition.id, make] as const))('with %s', (_, make) => {
  it('is never worse than the encoder, and says what it found', async () => {
    for (const x of pictures) {
      const found = await invertDecoder(x, { model, decoder: make() })
      expect(found.latent.shape).toEqual(latentShape)
      expect(found.picture).toEqual(await autoencoder.decode(found.latent))
      expect(found.encodedPicture).toEqual(await encodedPicture(x))
      expect(found.residual.before).toBe(distance(found.encodedPicture, x))
      expect(found.residual.after).toBe(distance(found.picture, x))
      expect(found.residual.after).toBeLessThanOrEqual(found.residual.before)
    }
  })

  it('costs what the method costs alone: nothing is run for the report', async () => {
    const alone = await new Task(make().invert(picture, autoencoder))
    const { evaluations } = await invertDecoder(picture, { model, decoder: make() })
    const { encodes, decodes, roundTrips, pullbacks } = evaluations
    expect(encodes).toBe(1)
    expect(decodes + roundTrips + pullbacks).toBe(alone.evaluations)
  })
})

describe('invertDecoder', () => {
  it('measures pictures as 8 bits show them', async () => {
    const {
      picture: found,
      psnrAfterDb,
      psnrBeforeDb,
      exact,
    } = await invertDecoder(picture, {
      model,
      decoder: encoderOnly(),
    })
    const bytes = (x: Tensor) => x.data.map((pixel) => Math.round(((Math.min(Math.max(pixel, -1), 1) + 1) / 2) * 255))
    const [a, b] = [bytes(found), bytes(picture)]
    const meanSquare = a.reduce((sum, byte, i) => sum + (byte - b[i]!) ** 2, 0) / a.length
    expect(psnrAfterDb).toBeCloseTo(10 * Math.log10(255 ** 2 / meanSquare), 9)
    expect(psnrBeforeDb).toBe(psnrAfterDb)
    expect(exact).toBe('no')
  })

  it('is exact given the picture when no rounded pixel differs', async () => {
    const linear = analyticAutoencoder(0)
    const x = await linear.decode(smallLatent())
    const { exact, psnrAfterDb } = await invertDecoder(x, { model: pictureModel(linear).model, decoder: encoderOnly() })
    expect([exact, psnrAfterDb]).toEqual(['given-image', Number.POSITIVE_INFINITY])
  })

  it("keeps the encoder's latent when a method's is worse, or is no number", async () => {
    const spoilt = (factor: number): DecoderInverter => ({
      name: 'spoilt',
      async *invert(image, own) {
        const solution = yield* encoderOnly().invert(image, own)
        return { ...solution, value: map(solution.value, (value) => factor * value) }
      },
    })
    for (const factor of [3, Number.NaN]) {
      const { latent, residual, picture: kept } = await invertDecoder(picture, { model, decoder: spoilt(factor) })
      expect(latent).toEqual(await autoencoder.encode(picture))
      expect(kept).toEqual(await encodedPicture(picture))
      expect(residual.after).toBe(residual.before)
    }
  })

  it('refuses a decoder that does not give numbers', async () => {
    const broken: Autoencoder = { ...autoencoder, decode: async () => map(picture, () => Number.NaN) }
    const attempt = invertDecoder(picture, { model: pictureModel(broken).model, decoder: encoderOnly() })
    await expect(attempt).rejects.toMatchObject({ code: 'not-finite' })
  })

  it('rejects with the reason of an abort', async () => {
    const controller = new AbortController()
    const task = invertDecoder(picture, { model, decoder: accelerated(), signal: controller.signal })
    const read = async () => {
      for await (const { done } of task) if (done === 2) controller.abort('enough')
    }
    await expect(read()).rejects.toBe('enough')
  })
})

describe('invertDecoderAll', () => {
  it('gives each picture what it gets alone', async () => {
    const { model: watched, batches } = pictureModel(autoencoder)
    const together = await invertDecoderAll(pictures, { model: watched, decoder: accelerated(), chunk: 2 })
    const alone = await Promise.all(pictures.map((image) => invertDecoder(image, { model, decoder: accelerated() })))
    expect(together).toEqual(alone)
    expect(batches[0]).toEqual(['encode', 2])
    expect(imageShape).toEqual(together[2]!.picture.shape)
  })
})
