/**
 * Networks + runtime → Autoencoder. Sessions are opened when they are first needed, one for each graph and size; a graph
 * of the gradient is another model than the forward one, because a run always computes all of its graph.
 */
import type { Autoencoder, BatchedAutoencoder, Pullback, RoundTrip } from '../autoencoder/autoencoder.js'
import { expected } from '../core/errors.js'
import type { Signal } from '../core/progress.js'
import { compose } from '../graph/compose.js'
import type { Graph } from '../graph/graph.js'
import { half } from '../graph/half.js'
import { sub } from '../graph/ops/common.js'
import type { Runtime, Session } from '../graph/runtime.js'
import { vjp } from '../graph/vjp.js'
import { formatShape, sizeOf, type Tensor } from '../math/tensor.js'
import type { AutoencoderNetworks, GraphSize } from './autoencoder-networks.js'

export interface AutoencoderOptions {
  /** Bits of the numbers that networks compute with: 32 (default) or 16. Tensors at the boundary stay what they are. */
  readonly precision?: 16 | 32
  readonly device?: string
  /** Spend time to save memory: lean sessions, and only the one in use stays open. Default false. */
  readonly lean?: boolean
}

export interface OpenAutoencoder extends Autoencoder {
  readonly networks: AutoencoderNetworks
  readonly batched: BatchedAutoencoder
  close(): Promise<void>
}

export type GraphKind = 'encode' | 'decode' | 'round-trip' | 'pullback'

/** The graph of one kind of run; `target` of the pullback is the picture whose distance is differentiated. */
export function autoencoderGraph(networks: AutoencoderNetworks, kind: GraphKind, size: GraphSize, precision: 16 | 32 = 32): Graph {
  const graphs: Record<GraphKind, () => Graph> = {
    encode: () => networks.encoder(size),
    decode: () => networks.decoder(size),
    'round-trip': () => {
      const graph = compose(networks.decoder(size), networks.encoder(size), { image: 'image' }, { keep: ['image'] })
      // The re-encoded latent comes out under a name of its own, since `latent` is what goes in.
      return { ...graph, name: `${networks.name} round trip` }
    },
    pullback: () =>
      vjp(networks.decoder(size), {
        wrt: ['latent'],
        keep: ['image'],
        // ∇_z ½‖D(z) − x‖² = J_D(z)ᵀ·(D(z) − x)
        cotangent: (b, image) => sub(b, image, b.input('target', image.dtype, image.shape)),
      }),
  }
  const graph = graphs[kind]()
  return precision === 16 ? half(graph) : graph
}

const stack = (tensors: readonly Tensor[]): Tensor => {
  const { shape } = tensors[0]!
  const size = sizeOf(shape)
  const data = new Float64Array(tensors.length * size)
  tensors.forEach((tensor, i) => {
    data.set(tensor.data, i * size)
  })
  return { shape: [tensors.length, ...shape], data }
}

const unstack = ({ shape: [count, ...shape], data }: Tensor): Tensor[] => {
  const size = sizeOf(shape)
  return Array.from({ length: count! }, (_, i) => ({ shape, data: data.slice(i * size, (i + 1) * size) }))
}

/**
 * An autoencoder that runs. Cost of each call: one network run (a round trip is a decoder and an encoder, a pullback a
 * decoder and its gradient). Errors: `bad-shape` for pictures and latents whose sizes the networks cannot have; those of
 * the runtime.
 *
 * @example
 * const autoencoder = openAutoencoder(networks, ortNode(), { precision: 16 })
 * const latent = await autoencoder.encode(image)
 * await autoencoder.close()
 */
export function openAutoencoder(networks: AutoencoderNetworks, runtime: Runtime, options: AutoencoderOptions = {}): OpenAutoencoder {
  const { precision = 32, device, lean = false } = options
  const sessions = new Map<string, Promise<Session>>()

  async function sessionFor(kind: GraphKind, size: GraphSize): Promise<Session> {
    const key = `${kind} ${size.batch} ${size.height} ${size.width}`
    const found = sessions.get(key)
    if (found) return await found
    if (lean) await closeAll()
    const opening = runtime.open(autoencoderGraph(networks, kind, size, precision), { lean, ...(device && { device }) })
    sessions.set(key, opening)
    opening.catch(() => sessions.delete(key))
    return await opening
  }

  async function closeAll(): Promise<void> {
    const open = [...sessions.values()]
    sessions.clear()
    for (const session of await Promise.allSettled(open)) if (session.status === 'fulfilled') await session.value.close()
  }

  function latentShape(imageShape: readonly number[]): readonly number[] {
    const [channels, height, width] = imageShape
    const factor = networks.downscaling
    if (imageShape.length !== 3 || channels !== networks.imageChannels || !height || !width || height % factor || width % factor) {
      throw expected(
        'bad-shape',
        `a picture of ${networks.imageChannels} channels with sides that are multiples of ${factor}`,
        `\`${networks.name}\``,
        formatShape(imageShape),
        'Pad, crop or resize the picture first.',
      )
    }
    return [networks.latentChannels, height / factor, width / factor]
  }

  function sizeOfLatents(latents: readonly Tensor[]): GraphSize {
    const { shape } = latents[0]!
    const [channels, height, width] = shape
    if (shape.length !== 3 || channels !== networks.latentChannels) {
      throw expected('bad-shape', `a latent of ${networks.latentChannels} channels × height × width`, `\`${networks.name}\``, formatShape(shape), 'Use a latent that this model made.')
    }
    return { batch: latents.length, height: height! * networks.downscaling, width: width! * networks.downscaling }
  }

  async function run(kind: GraphKind, size: GraphSize, feeds: Record<string, Tensor>, signal?: Signal): Promise<Record<string, Tensor>> {
    signal?.throwIfAborted()
    return await (await sessionFor(kind, size)).run(feeds, signal)
  }

  const batched: BatchedAutoencoder = {
    latentShape,
    async encode(images, signal) {
      const [, height, width] = images[0]!.shape as [number, number, number]
      latentShape(images[0]!.shape)
      const { latent } = await run('encode', { batch: images.length, height, width }, { image: stack(images) }, signal)
      return unstack(latent!)
    },
    async decode(latents, signal) {
      const { image } = await run('decode', sizeOfLatents(latents), { latent: stack(latents) }, signal)
      return unstack(image!)
    },
    async roundTrip(latents, signal) {
      const { image, ...rest } = await run('round-trip', sizeOfLatents(latents), { latent: stack(latents) }, signal)
      const again = unstack(Object.values(rest)[0]!)
      return unstack(image!).map((picture, i): RoundTrip => ({ image: picture, latent: again[i]! }))
    },
    async pullback(latents, images, signal) {
      const feeds = { latent: stack(latents), target: stack(images) }
      const results = await run('pullback', sizeOfLatents(latents), feeds, signal)
      const gradients = unstack(results['gradient.latent']!)
      return unstack(results.image!).map((image, i): Pullback => ({ image, gradient: gradients[i]! }))
    },
  }

  return {
    networks,
    batched,
    latentShape,
    encode: async (image, signal) => (await batched.encode([image], signal))[0]!,
    decode: async (latent, signal) => (await batched.decode([latent], signal))[0]!,
    roundTrip: async (latent, signal) => (await batched.roundTrip([latent], signal))[0]!,
    pullback: async (latent, image, signal) => (await batched.pullback!([latent], [image], signal))[0]!,
    close: closeAll,
  }
}
