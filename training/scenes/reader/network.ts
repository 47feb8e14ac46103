/**
 * The scene reader's network: a picture to the probabilities of its six attributes. A small residual convolutional
 * network; nothing of it is special to generated pictures, that is the business of its training data.
 */
import { type Builder, layers, operations, type Parameters, type Value } from 'undiffuse'
import { colours, places, type Scene, shapes, sizes, textures } from '../scene.js'

/** The words of each attribute, in the order of the network's outputs. */
export const vocabulary = {
  shape: shapes,
  colour: colours,
  size: sizes,
  place: places,
  background: colours,
  texture: textures,
} as const satisfies { readonly [A in Attribute]: readonly Scene[A][] }

export type Attribute = 'shape' | 'colour' | 'size' | 'place' | 'background' | 'texture'
export const attributes = Object.keys(vocabulary) as readonly Attribute[]

/** What config.json of the bundled reader says: `sample_size` is the picture's side. */
export const readerConfig = {
  _class_name: 'SceneReader',
  sample_size: 128,
  stem_channels: 16,
  block_out_channels: [32, 64, 128],
  norm_num_groups: 8,
  attention_maps: 4,
  feature_channels: 64,
  attributes: vocabulary,
} as const

/** Channels of x and y from −1 to 1, N × 2 × side × side: without them an average over places would forget the place. */
function coordinates(b: Builder, batch: number, side: number): Value {
  const along = Array.from({ length: side }, (_, i) => (2 * i + 1) / side - 1)
  const x = along.flatMap(() => along)
  const y = along.flatMap((value) => along.map(() => value))
  return operations.expand(b, b.constant('float32', [1, 2, side, side], [...x, ...y]), [batch, 2, side, side])
}

/** Σ over places of softmax(W·x)·x, N × (channels · maps) × 1 × 1: the network looks where the shape is, and beside it. */
function attentivePool(network: layers.Layers, x: Value): Value {
  const { b } = network
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  const maps = readerConfig.attention_maps
  const flat = (value: Value, count: number) => operations.reshape(b, value, [batch, count, height * width])
  const scores = flat(layers.conv2d(network, 'attention', x, maps, { kernel: 1 }), maps)
  const attention = operations.swapLast(b, b.emit('Softmax', [scores], { axis: -1 }))
  return operations.reshape(b, b.emit('MatMul', [flat(x, channels), attention]), [batch, channels * maps, 1, 1])
}

/**
 * Image N × 3 × 128 × 128 in [−1, 1] → features N × 64 and, for each attribute, logits N × words.
 *
 * A 3 × 3 convolution of stride 2, the coordinates joined to it, three levels (3 × 3 of stride 2, then a residual block), averages over
 * places by four attention maps, two linear layers. 73 million multiplications a picture.
 */
export function readerNetwork(
  b: Builder,
  parameters: Parameters,
  image: Value,
): { readonly features: Value; readonly logits: Readonly<Record<Attribute, Value>> } {
  const { stem_channels, block_out_channels, norm_num_groups, feature_channels } = readerConfig
  const network = { b, parameters }
  const norm = { groups: norm_num_groups, epsilon: 1e-5 }
  const batch = image.shape[0]!
  let x = layers.silu(b, layers.conv2d(network, 'conv_in', image, stem_channels, { stride: 2 }))
  x = operations.concat(b, [x, coordinates(b, batch, x.shape[2]!)], 1)
  block_out_channels.forEach((channels, level) => {
    x = layers.conv2d(network, `levels.${level}.downsample`, x, channels, { stride: 2 })
    x = layers.resnetBlock(network, `levels.${level}.resnet`, x, channels, norm)
  })
  const pooled = attentivePool(network, layers.silu(b, layers.groupNorm2d(network, 'norm_out', x, norm)))
  const features = layers.silu(b, layers.conv2d(network, 'features', pooled, feature_channels, { kernel: 1 }))
  const flat = (value: Value) => operations.reshape(b, value, [batch, value.shape[1]!])
  const logits = (attribute: Attribute) =>
    flat(layers.conv2d(network, `heads.${attribute}`, features, vocabulary[attribute].length, { kernel: 1 }))
  return {
    features: flat(features),
    logits: Object.fromEntries(attributes.map((attribute) => [attribute, logits(attribute)])) as Record<
      Attribute,
      Value
    >,
  }
}
