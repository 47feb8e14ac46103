/**
 * Networks + runtime → Autoencoder. Sessions are opened when they are first needed, one for each graph and size; a graph
 * of the gradient is another model than the forward one, because a run always computes all of its graph.
 */
import type { Autoencoder, BatchedAutoencoder } from '../../autoencoder/autoencoder.js'
import { expected } from '../../core/errors.js'
import type { Signal } from '../../core/progress.js'
import type { Feeds, Runtime } from '../../graph/runtime.js'
import { combine, formatShape, isFinite as isFiniteTensor, sameShape, type Tensor, tensor } from '../../math/tensor.js'
import { inBatches } from '../sessions/batches.js'
import { heldBatches } from '../sessions/held-batches.js'
import { type SessionOptions, type SessionPool, sessionPool, type Tensors } from '../sessions/pool.js'
import { commonShape, stack, unstack } from '../sessions/stack.js'
import { autoencoderGraph, type GraphKind, type Precision } from './graphs.js'
import { type AutoencoderNetworks, type GraphSize, imageShapeOf, latentShapeOf } from './networks.js'

export interface AutoencoderOptions extends SessionOptions {
  /**
   * Bits of the numbers that networks compute with: 32 (default) or 16, rounded after every operator on a CPU as on a device
   * with half arithmetic. Tensors at the boundary stay what they are.
   */
  readonly precision?: Precision
}

export interface OpenAutoencoder extends Required<Autoencoder> {
  readonly networks: AutoencoderNetworks
  readonly batched: Required<BatchedAutoencoder>
  /** Frees the networks and ends calls under way. The runtime stays open: it belongs to the caller. */
  close(): Promise<void>
}

/** Batches of reference pictures that the runtime holds for pullbacks. */
const heldReferences = 2

/** Every kind of run for pictures of one size. */
const openSessions = 4

/**
 * An autoencoder that runs: `encode`, `decode`, `roundTrip` and `pullback` of one picture or, in `batched`, of several.
 *
 * Cost of each call: one network run (a round trip is a decoder and an encoder, a pullback a decoder and its gradient),
 * of several pictures one for each of their batches, and opening the network the first time. Calls run one after another. At most four networks stay open, those used last;
 * with `lean` only one. Errors: `bad-shape` for pictures and latents whose sizes the networks cannot have; `not-finite`
 * when encoding or decoding overflows (16 bits reach to ±65504); those of the runtime.
 *
 * @example
 * const autoencoder = openAutoencoder(networks, ortNode(), { precision: 16 })
 * const latent = await autoencoder.encode(image)
 * await autoencoder.close()
 */
export const openAutoencoder = (
  networks: AutoencoderNetworks,
  runtime: Runtime,
  { precision = 32, ...options }: AutoencoderOptions = {},
): OpenAutoencoder =>
  autoencoderIn(
    sessionPool(runtime, networks.name, { sessions: openSessions }, { ...options, roundsHalf: precision === 16 }),
    networks,
    precision,
  )

/** The same with its sessions among others of a model; closing it closes the pool. */
export function autoencoderIn(pool: SessionPool, networks: AutoencoderNetworks, precision: Precision): OpenAutoencoder {
  const references = heldBatches(pool, heldReferences)
  const run = (kind: GraphKind, size: GraphSize, feeds: Feeds, signal?: Signal): Promise<Tensors> =>
    pool.run(
      `${kind} ${size.batch} ${size.height} ${size.width}`,
      () => autoencoderGraph(networks, kind, size, precision),
      feeds,
      signal,
    )

  function sizeOfImages(images: readonly Tensor[]) {
    const shape = commonShape(images, 'image')
    latentShapeOf(networks, shape)
    return { height: shape[1]!, width: shape[2]! }
  }

  function sizeOfLatents(latents: readonly Tensor[]) {
    const [, height, width] = imageShapeOf(networks, commonShape(latents, 'latent'))
    return { height, width }
  }

  function finite(result: Tensor, what: string): Tensor {
    if (isFiniteTensor(result)) return result
    const remedy =
      precision === 16 ? 'It overflows in 16 bits; open it with precision 32.' : 'Look for such numbers in what is fed.'
    throw expected('not-finite', `a finite ${what}`, `\`${networks.name}\``, 'infinite numbers or NaN', remedy)
  }

  // What gradients gain was measured in 32 bits; in 16 they are too coarse for it.
  const profile = networks.profile && precision === 16 ? { ...networks.profile, pullbacks: 0 } : networks.profile
  const batched: Required<BatchedAutoencoder> = {
    profile,
    latentShape: (imageShape) => latentShapeOf(networks, imageShape),
    async encode(images, signal) {
      const size = sizeOfImages(images)
      return await inBatches(images, async (some) => {
        const feeds = { image: stack(some, 'image') }
        const { latent } = await run('encode', { ...size, batch: some.length }, feeds, signal)
        return unstack(finite(latent!, 'latent'))
      })
    },
    async decode(latents, signal) {
      const size = sizeOfLatents(latents)
      return await inBatches(latents, async (some) => {
        const feeds = { latent: stack(some, 'latent') }
        const { image } = await run('decode', { ...size, batch: some.length }, feeds, signal)
        return unstack(finite(image!, 'picture'))
      })
    },
    async roundTrip(latents, signal) {
      const size = sizeOfLatents(latents)
      return await inBatches(latents, async (some) => {
        const feeds = { latent: stack(some, 'latent') }
        const results = await run('round-trip', { ...size, batch: some.length }, feeds, signal)
        const again = unstack(results.again!)
        return unstack(results.image!).map((image, i) => ({ image, latent: again[i]! }))
      })
    },
    async pullback(latents, images, signal, scales = latents.map(() => 1)) {
      const size = sizeOfLatents(latents)
      const wanted = [networks.imageChannels, size.height, size.width]
      const shape = commonShape(images, 'image')
      if (!sameShape(shape, wanted) || images.length !== latents.length) {
        const got = `${images.length} of ${formatShape(shape)}`
        const what = `${latents.length} of ${formatShape(wanted)}`
        throw expected('bad-shape', what, 'the pictures of a pullback', got, 'Pass the picture of each latent.')
      }
      const pairs = latents.map((latent, i) => ({ latent, target: images[i]!, scale: scales[i]! }))
      return await inBatches(pairs, async (some) => {
        const targets = some.map(({ target }) => target)
        const feeds = {
          latent: stack(
            some.map(({ latent }) => latent),
            'latent',
          ),
          ...references(targets, () => ({ target: stack(targets, 'image') })),
          scale: tensor(
            [some.length, 1, 1, 1],
            some.map(({ scale }) => scale),
          ),
        }
        const results = await run('pullback', { ...size, batch: some.length }, feeds, signal)
        const gradients = unstack(results['gradient.latent']!)
        return unstack(results.image!).map((image, i) => ({
          image,
          gradient: combine([1 / some[i]!.scale, gradients[i]!]),
        }))
      })
    },
  }

  return {
    networks,
    profile,
    batched,
    latentShape: batched.latentShape,
    encode: async (image, signal) => (await batched.encode([image], signal))[0]!,
    decode: async (latent, signal) => (await batched.decode([latent], signal))[0]!,
    roundTrip: async (latent, signal) => (await batched.roundTrip([latent], signal))[0]!,
    pullback: async (latent, image, signal, scale = 1) =>
      (await batched.pullback([latent], [image], signal, [scale]))[0]!,
    close: () => pool.close(),
  }
}
