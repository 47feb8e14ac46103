import { describe, expect, it } from 'vitest'
import { analyticAutoencoder, batchedOver, imageShape, latentShape } from '../../test/laws/analytic-autoencoder.js'
import { torchGenerator } from '../math/noise.js'
import { coalesce } from './coalesce.js'

const single = analyticAutoencoder(0.3)
const random = torchGenerator(1)
const images = [0, 1, 2].map(() => random.noise(imageShape))
const latents = [0, 1, 2].map(() => random.noise(latentShape))

describe('coalesce', () => {
  it('makes one batch of what all ask, and gives each its own answer', async () => {
    const { batched, batches } = batchedOver(single)
    const { autoencoders } = coalesce(batched, 3)
    const got = await Promise.all(autoencoders.map((autoencoder, i) => autoencoder.encode(images[i]!)))
    expect(got).toEqual(await Promise.all(images.map((image) => single.encode(image))))
    expect(batches).toEqual([['encode', 3]])
  })

  it('waits until the last one asks', async () => {
    const { batched, batches } = batchedOver(single)
    const { autoencoders } = coalesce(batched, 2)
    const first = autoencoders[0]!.decode(latents[0]!)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(batches).toEqual([])
    await Promise.all([first, autoencoders[1]!.decode(latents[1]!)])
    expect(batches).toEqual([['decode', 2]])
  })

  it('runs different kinds of calls as a batch each', async () => {
    const { batched, batches } = batchedOver(single)
    const { autoencoders } = coalesce(batched, 3)
    const [a, b, c] = autoencoders as [(typeof autoencoders)[0], (typeof autoencoders)[0], (typeof autoencoders)[0]]
    const got = await Promise.all([
      a.roundTrip(latents[0]!),
      b.pullback!(latents[1]!, images[1]!),
      c.roundTrip(latents[2]!),
    ])
    expect(got[1]).toEqual(await single.pullback(latents[1]!, images[1]!))
    expect(got[2]).toEqual(await single.roundTrip(latents[2]!))
    expect(batches).toEqual([
      ['roundTrip', 2],
      ['pullback', 1],
    ])
  })

  it('does not wait for one who has left', async () => {
    const { batched, batches } = batchedOver(single)
    const { autoencoders, leave } = coalesce(batched, 2)
    const first = autoencoders[0]!.encode(images[0]!)
    leave(1)
    await first
    await autoencoders[0]!.encode(images[0]!)
    expect(batches).toEqual([
      ['encode', 1],
      ['encode', 1],
    ])
  })

  it('takes several calls of one participant as that participant waiting', async () => {
    const { batched, batches } = batchedOver(single)
    const { autoencoders } = coalesce(batched, 2)
    const both = [autoencoders[0]!.encode(images[0]!), autoencoders[0]!.encode(images[1]!)]
    expect(batches).toEqual([])
    await Promise.all([...both, autoencoders[1]!.encode(images[2]!)])
    expect(batches).toEqual([['encode', 3]])
  })

  it('hands a failed batch to all who asked, and goes on', async () => {
    const { batched } = batchedOver(single)
    const failure = new Error('broken')
    const decode = () => {
      throw failure
    }
    const { autoencoders } = coalesce({ ...batched, decode }, 2)
    const answers = await Promise.allSettled(autoencoders.map((autoencoder) => autoencoder.decode(latents[0]!)))
    expect(answers.map((answer) => answer.status === 'rejected' && answer.reason)).toEqual([failure, failure])
    await Promise.all(autoencoders.map((autoencoder) => autoencoder.encode(images[0]!)))
  })

  it('refuses waiting and later calls once closed', async () => {
    const { batched, batches } = batchedOver(single)
    const { autoencoders, close } = coalesce(batched, 2)
    const waiting = autoencoders[0]!.encode(images[0]!)
    close('over')
    await expect(waiting).rejects.toBe('over')
    await expect(autoencoders[1]!.encode(images[1]!)).rejects.toBe('over')
    expect(batches).toEqual([])
  })

  it('scales the loss of each as each has asked', async () => {
    const { batched } = batchedOver(single)
    const asked: (readonly number[] | undefined)[] = []
    const pullback: typeof batched.pullback = (latents, images, signal, scales) => {
      asked.push(scales)
      return batched.pullback!(latents, images, signal, scales)
    }
    const { autoencoders } = coalesce({ ...batched, pullback }, 2)
    await Promise.all([
      autoencoders[0]!.pullback!(latents[0]!, images[0]!, undefined, 8),
      autoencoders[1]!.pullback!(latents[1]!, images[1]!),
    ])
    expect(asked).toEqual([[8, 1]])
  })

  it('has a pullback only where the batch has one', () => {
    const { pullback: _, ...forwardOnly } = single
    expect(coalesce(batchedOver(forwardOnly).batched, 1).autoencoders[0]!.pullback).toBeUndefined()
  })
})
