/** The graphs that an autoencoder's calls run, each as one graph: what a session is opened for. */
import { builderFrom } from '../../graph/builder.js'
import type { Graph } from '../../graph/graph.js'
import { mul, singleScope, sub } from '../../graph/ops/common.js'
import { compose } from '../../graph/passes/compose.js'
import { half } from '../../graph/passes/half.js'
import { vjp } from '../../graph/passes/vjp.js'
import type { AutoencoderNetworks, GraphSize } from './networks.js'

/** Bits of the numbers that networks compute with. */
export type Precision = 16 | 32

export type GraphKind = 'encode' | 'decode' | 'round-trip' | 'pullback'

/** `latent` → `image`, `again`: E∘D. The composed graph may name the second latent otherwise. */
function roundTrip(networks: AutoencoderNetworks, size: GraphSize): Graph {
  const both = compose(networks.decoder(size), networks.encoder(size), { image: 'image' }, { keep: ['image'] })
  const [image, again] = both.outputs
  const b = builderFrom(both)
  b.output(b.value(image!.name), 'image')
  b.output(b.value(again!.name), 'again')
  return b.finish(`${networks.name} round trip`)
}

/**
 * `latent`, `target`, `scale` → `gradient.latent`, `image`: s·∇_z ½‖D(z) − x‖² = J_D(z)ᵀ·s(D(z) − x), a scale s for each
 * picture. The loss stays in float32 where the networks are in 16 bits; s keeps its cotangent away from underflow.
 */
function pullback(networks: AutoencoderNetworks, size: GraphSize): Graph {
  return vjp(networks.decoder(size), {
    wrt: ['latent'],
    keep: ['image'],
    cotangent: ({ within }, image) => {
      const b = within(singleScope)
      const difference = sub(b, image, b.input('target', image.dtype, image.shape))
      return mul(
        b,
        difference,
        b.input(
          'scale',
          image.dtype,
          image.shape.map((length, axis) => (axis === 0 ? length : 1)),
        ),
      )
    },
  })
}

/**
 * The graph of one kind of run: `encode` image → latent, `decode` latent → image, `round-trip` latent → image, again,
 * `pullback` latent, target, scale → gradient.latent, image. With 16 bits its inputs and outputs stay float32.
 *
 * @example const graph = autoencoderGraph(networks, 'round-trip', { batch: 1, height: 512, width: 512 })
 */
export function autoencoderGraph(
  networks: AutoencoderNetworks,
  kind: GraphKind,
  size: GraphSize,
  precision: Precision = 32,
): Graph {
  const graphs: Readonly<Record<GraphKind, () => Graph>> = {
    encode: () => networks.encoder(size),
    decode: () => networks.decoder(size),
    'round-trip': () => roundTrip(networks, size),
    pullback: () => pullback(networks, size),
  }
  const graph = graphs[kind]()
  return precision === 16 ? half(graph) : graph
}
