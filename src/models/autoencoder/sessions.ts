/**
 * Networks + runtime → a model of pictures and latents. Sessions are opened when they are first needed, one for each graph
 * and size; a graph of the gradient is another model than the forward one, because a run always computes all of its graph.
 */

import { expected } from '../../core/errors.js'
import { checkOptionNames } from '../../core/option-names.js'
import type { Signal } from '../../core/progress.js'
import type { Feeds, Runtime } from '../../graph/runtime.js'
import { combine, formatShape, isFinite as isFiniteTensor, sameShape, type Tensor, tensor } from '../../math/tensor.js'
import type { Model } from '../../model/model.js'
import { type Answerers, type Ask, doorOf, type Kind } from '../../model/questions.js'
import { inBatches } from '../sessions/batches.js'
import { heldBatches } from '../sessions/held-batches.js'
import { type GraphFor, memoryOf } from '../sessions/memory.js'
import { checkOneOf, checkSessionOptions } from '../sessions/options.js'
import { type SessionOptions, type SessionPool, sessionPool, type Tensors } from '../sessions/pool.js'
import { commonShape, stack, unstack } from '../sessions/stack.js'
import { autoencoderGraph, type GraphKind, type Precision } from './graphs.js'
import { type AutoencoderNetworks, type GraphSize, graphSizeOf } from './networks.js'

export interface AutoencoderOptions extends SessionOptions {
  /**
   * Bits of the numbers that networks compute with: 32 (default) or 16, rounded after every operator on a CPU as on a device
   * with half arithmetic. Tensors at the boundary stay what they are.
   */
  readonly precision?: Precision
}

export interface OpenAutoencoder extends Model {
  readonly networks: AutoencoderNetworks
}

/** Batches of reference pictures that the runtime holds for pullbacks. */
const heldReferences = 2

/** Every kind of run for pictures of one size. */
const openSessions = 4

/**
 * An autoencoder that runs: a model that answers `encode`, `decode`, `roundTrip` and `decodeGradient`.
 *
 * Cost: one network run for the questions of one call, in batches of powers of two (a round trip is a decoder and an
 * encoder, a gradient a decoder and its gradient), and opening the network the first time. Calls run one after another. At
 * most four networks stay open, those used last; with `lean` only one. Errors: `bad-shape` for pictures and latents whose
 * sizes the networks cannot have; `not-finite` when encoding or decoding overflows (16 bits reach to ±65504); those of the
 * runtime.
 *
 * @example
 * const model = openAutoencoder(networks, ortNode(), { precision: 16 })
 * const [latent] = await model.ask('encode', [image])
 * await model.close()
 */
export function openAutoencoder(
  networks: AutoencoderNetworks,
  runtime: Runtime,
  asked: AutoencoderOptions = {},
): OpenAutoencoder {
  checkOptionNames(asked, { precision: true, device: true, lean: true }, 'openAutoencoder')
  checkSessionOptions(runtime, asked)
  checkOneOf('precision', asked.precision, [16, 32])
  const { precision = 32, ...options } = asked
  const { name, layout } = networks
  const pool = sessionPool(runtime, name, { sessions: openSessions }, { ...options, roundsHalf: precision === 16 })
  const door = doorOf(name, autoencoderAnswerers(pool, networks, precision))
  const memoryFor = memoryOf(pool, autoencoderGraphs(networks, precision))
  return {
    name,
    layout,
    networks,
    profile: profileAt(networks, precision),
    ...door,
    memoryFor,
    close: () => pool.close(),
  }
}

/** What gradients gain was measured in 32 bits; in 16 they are too coarse for it. */
export const profileAt = ({ profile }: Pick<AutoencoderNetworks, 'profile'>, precision: Precision) =>
  profile && precision === 16 ? { ...profile, pullbacks: 0 } : profile

const graphKinds: Readonly<Partial<Record<Kind, GraphKind>>> = {
  encode: 'encode',
  decode: 'decode',
  roundTrip: 'round-trip',
  decodeGradient: 'pullback',
}

/** The graphs that answer an autoencoder's questions. */
export const autoencoderGraphs =
  (networks: AutoencoderNetworks, precision: Precision): GraphFor =>
  (kind, latent, batch) => {
    const found = graphKinds[kind]
    if (!found) return undefined
    const { layout } = networks
    return autoencoderGraph(networks, found, graphSizeOf(layout, layout.pictureShape(latent), batch), precision)
  }

/** How an autoencoder answers, with its sessions in a pool. */
export function autoencoderAnswerers(pool: SessionPool, networks: AutoencoderNetworks, precision: Precision) {
  const { layout, name } = networks
  const references = heldBatches(pool, heldReferences)
  const run = (kind: GraphKind, size: GraphSize, feeds: Feeds, signal?: Signal): Promise<Tensors> =>
    pool.run(
      [kind, size.batch, size.frames, size.height, size.width].join(' '),
      () => autoencoderGraph(networks, kind, size, precision),
      feeds,
      signal,
    )

  const pictureOf = (latents: readonly Tensor[]) => layout.pictureShape(commonShape(latents, 'latent'))

  function finite(result: Tensor, what: string, fed: Tensor): Tensor {
    if (isFiniteTensor(result)) return result
    const got = 'infinite numbers or NaN'
    if (!isFiniteTensor(fed)) {
      throw expected(
        'not-finite',
        `a finite ${what}`,
        `\`${name}\``,
        got,
        'Such numbers were fed: check what made them.',
      )
    }
    const remedy =
      precision === 16
        ? 'It overflows in 16 bits; open it with precision 32.'
        : 'Its weights hold NaN or are damaged; fetch the model folder again.'
    throw expected('not-finite', `a finite ${what}`, `\`${name}\``, `${got}, though what was fed is finite`, remedy)
  }

  function checkReferences(asks: readonly Ask<'decodeGradient'>[]): void {
    const wanted = layout.pictureShape(asks[0]!.latent.shape)
    for (const { reference } of asks) {
      if (sameShape(reference.shape, wanted)) continue
      const got = formatShape(reference.shape)
      throw expected('bad-shape', formatShape(wanted), 'the reference of a gradient', got, 'Pass the picture itself.')
    }
  }

  return {
    async encode(images, signal) {
      const shape = commonShape(images, 'image')
      layout.latentShape(shape)
      return await inBatches(images, async (some) => {
        const feeds = { image: stack(some, 'image') }
        const { latent } = await run('encode', graphSizeOf(layout, shape, some.length), feeds, signal)
        return unstack(finite(latent!, 'latent', feeds.image))
      })
    },
    async decode(latents, signal) {
      const picture = pictureOf(latents)
      return await inBatches(latents, async (some) => {
        const feeds = { latent: stack(some, 'latent') }
        const { image } = await run('decode', graphSizeOf(layout, picture, some.length), feeds, signal)
        return unstack(finite(image!, 'picture', feeds.latent))
      })
    },
    async roundTrip(latents, signal) {
      const picture = pictureOf(latents)
      return await inBatches(latents, async (some) => {
        const feeds = { latent: stack(some, 'latent') }
        const results = await run('round-trip', graphSizeOf(layout, picture, some.length), feeds, signal)
        const again = unstack(results.again!)
        return unstack(results.image!).map((image, i) => ({ image, latent: again[i]! }))
      })
    },
    async decodeGradient(asks, signal) {
      const picture = pictureOf(asks.map(({ latent }) => latent))
      checkReferences(asks)
      return await inBatches(asks, async (some) => {
        const targets = some.map(({ reference }) => reference)
        const scales = some.map(({ scale = 1 }) => scale)
        const latents = some.map(({ latent }) => latent)
        const feeds = {
          latent: stack(latents, 'latent'),
          ...references(targets, () => ({ target: stack(targets, 'reference') })),
          scale: tensor([some.length, ...layout.axes.map(() => 1)], scales),
        }
        const results = await run('pullback', graphSizeOf(layout, picture, some.length), feeds, signal)
        const gradients = unstack(results['gradient.latent']!)
        return unstack(results.image!).map((image, i) => ({
          image,
          gradient: combine([1 / scales[i]!, gradients[i]!]),
        }))
      })
    },
  } satisfies Answerers
}
