/**
 * Networks + runtime → Autoencoder. Sessions are opened when they are first needed, one for each graph and size; a graph
 * of the gradient is another model than the forward one, because a run always computes all of its graph.
 */
import type { Autoencoder, BatchedAutoencoder } from '../autoencoder/autoencoder.js'
import { expected } from '../core/errors.js'
import type { Signal } from '../core/progress.js'
import type { Runtime, Session } from '../graph/runtime.js'
import { formatShape, isFinite as isFiniteTensor, sameShape, type Tensor } from '../math/tensor.js'
import { autoencoderGraph, type GraphKind, type Precision } from './autoencoder-graphs.js'
import { type AutoencoderNetworks, type GraphSize, imageShapeOf, latentShapeOf } from './autoencoder-networks.js'
import { commonShape, stack, unstack } from './stack.js'

export interface AutoencoderOptions {
  /** Bits of the numbers that networks compute with: 32 (default) or 16. Tensors at the boundary stay what they are. */
  readonly precision?: Precision
  readonly device?: string
  /** Spend time to save memory: lean sessions, and only the one in use stays open. Default false. */
  readonly lean?: boolean
}

export interface OpenAutoencoder extends Required<Autoencoder> {
  readonly networks: AutoencoderNetworks
  readonly batched: Required<BatchedAutoencoder>
  /** Frees the networks and ends calls under way. The runtime stays open: it belongs to the caller. */
  close(): Promise<void>
}

type Tensors = Readonly<Record<string, Tensor>>

/** Every kind of run for pictures of one size. */
const openSessions = 4

/**
 * An autoencoder that runs: `encode`, `decode`, `roundTrip` and `pullback` of one picture or, in `batched`, of several.
 *
 * Cost of each call: one network run (a round trip is a decoder and an encoder, a pullback a decoder and its gradient),
 * and opening the network the first time. Calls run one after another. At most four networks stay open, those used last;
 * with `lean` only one. Errors: `bad-shape` for pictures and latents whose sizes the networks cannot have; `not-finite`
 * when encoding or decoding overflows (16 bits reach to ±65504); those of the runtime.
 *
 * @example
 * const autoencoder = openAutoencoder(networks, ortNode(), { precision: 16 })
 * const latent = await autoencoder.encode(image)
 * await autoencoder.close()
 */
export function openAutoencoder(
  networks: AutoencoderNetworks,
  runtime: Runtime,
  options: AutoencoderOptions = {},
): OpenAutoencoder {
  const { precision = 32, device, lean = false } = options
  /** The one used last comes last. */
  const sessions = new Map<string, Session>()
  /** Settles when the calls so far have ended. */
  let turn: Promise<unknown> = Promise.resolve()
  let closing: Promise<void> | undefined

  /** One call at a time, as runtimes do anyway: a session that is closed to make room is then in nobody's use. */
  function inTurn<T>(call: () => Promise<T>): Promise<T> {
    const result = turn.then(call)
    // Whoever called hears of a failure; the next call does not care.
    turn = result.catch(() => {})
    return result
  }

  async function closeSessions(room: number): Promise<void> {
    for (const [key, session] of [...sessions].slice(0, Math.max(0, sessions.size - room))) {
      sessions.delete(key)
      await session.close()
    }
  }

  async function sessionFor(kind: GraphKind, size: GraphSize): Promise<Session> {
    const key = `${kind} ${size.batch} ${size.height} ${size.width}`
    let session = sessions.get(key)
    sessions.delete(key)
    if (!session) {
      await closeSessions((lean ? 1 : openSessions) - 1)
      const graph = autoencoderGraph(networks, kind, size, precision)
      session = await runtime.open(graph, { lean, ...(device !== undefined && { device }) })
    }
    sessions.set(key, session)
    return session
  }

  const run = (kind: GraphKind, size: GraphSize, feeds: Tensors, signal?: Signal): Promise<Tensors> =>
    inTurn(async () => {
      signal?.throwIfAborted()
      if (closing) {
        throw expected(
          'runtime-failed',
          'an open autoencoder',
          `\`${networks.name}\``,
          'a closed one',
          'Open it again.',
        )
      }
      return await (await sessionFor(kind, size)).run(feeds, signal)
    })

  function sizeOfImages(images: readonly Tensor[]): GraphSize {
    const shape = commonShape(images, 'image')
    latentShapeOf(networks, shape)
    return { batch: images.length, height: shape[1]!, width: shape[2]! }
  }

  function sizeOfLatents(latents: readonly Tensor[]): GraphSize {
    const [, height, width] = imageShapeOf(networks, commonShape(latents, 'latent'))
    return { batch: latents.length, height, width }
  }

  function finite(result: Tensor, what: string): Tensor {
    if (isFiniteTensor(result)) return result
    const remedy =
      precision === 16 ? 'It overflows in 16 bits; open it with precision 32.' : 'Look for such numbers in what is fed.'
    throw expected('not-finite', `a finite ${what}`, `\`${networks.name}\``, 'infinite numbers or NaN', remedy)
  }

  const batched: Required<BatchedAutoencoder> = {
    latentShape: (imageShape) => latentShapeOf(networks, imageShape),
    async encode(images, signal) {
      const { latent } = await run('encode', sizeOfImages(images), { image: stack(images, 'image') }, signal)
      return unstack(finite(latent!, 'latent'))
    },
    async decode(latents, signal) {
      const { image } = await run('decode', sizeOfLatents(latents), { latent: stack(latents, 'latent') }, signal)
      return unstack(finite(image!, 'picture'))
    },
    async roundTrip(latents, signal) {
      const results = await run('round-trip', sizeOfLatents(latents), { latent: stack(latents, 'latent') }, signal)
      const again = unstack(results.again!)
      return unstack(results.image!).map((image, i) => ({ image, latent: again[i]! }))
    },
    async pullback(latents, images, signal) {
      const size = sizeOfLatents(latents)
      const wanted = [networks.imageChannels, size.height, size.width]
      const shape = commonShape(images, 'image')
      if (!sameShape(shape, wanted) || images.length !== latents.length) {
        const got = `${images.length} of ${formatShape(shape)}`
        const what = `${latents.length} of ${formatShape(wanted)}`
        throw expected('bad-shape', what, 'the pictures of a pullback', got, 'Pass the picture of each latent.')
      }
      const feeds = { latent: stack(latents, 'latent'), target: stack(images, 'image') }
      const results = await run('pullback', size, feeds, signal)
      const gradients = unstack(results['gradient.latent']!)
      return unstack(results.image!).map((image, i) => ({ image, gradient: gradients[i]! }))
    },
  }

  async function close(): Promise<void> {
    await closeSessions(0)
    // A session that was being opened meanwhile.
    await turn
    await closeSessions(0)
  }

  return {
    networks,
    batched,
    latentShape: batched.latentShape,
    encode: async (image, signal) => (await batched.encode([image], signal))[0]!,
    decode: async (latent, signal) => (await batched.decode([latent], signal))[0]!,
    roundTrip: async (latent, signal) => (await batched.roundTrip([latent], signal))[0]!,
    pullback: async (latent, image, signal) => (await batched.pullback([latent], [image], signal))[0]!,
    close() {
      closing ??= close()
      return closing
    },
  }
}
