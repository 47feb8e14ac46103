/**
 * UNets and text encoders of a diffusers folder as their own tools name and scale inputs and outputs: what
 * `undiffuse run` runs. How a model puts them together is in diffusion-model.ts.
 */
import type { NetworkPart } from '../checkpoints/folder.js'
import { expected } from '../core/errors.js'
import type { Graph } from '../graph/graph.js'
import { formatShape } from '../math/tensor.js'
import { clipTextConfig, clipTextGraph } from '../nn/clip-text.js'
import type { ConfigReader, WeightSource } from '../nn/parameters.js'
import { unet2dConditionConfig, unetGraph } from '../nn/unet-2d-condition.js'

export type FedShapes = Readonly<Record<string, readonly number[]>>

/** A network before the sizes of its inputs are known. */
export interface Network {
  readonly inputs: readonly string[]
  graph(shapes: FedShapes): Graph
}

/** The shape that is fed as `name`, of as many axes as are named; throws `bad-shape` for another. */
export function fedShape(shapes: FedShapes, name: string, axes: readonly string[]): readonly number[] {
  const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined
  if (shape?.length === axes.length) return shape
  const got = shape ? formatShape(shape) : `${Object.keys(shapes).join(', ') || 'nothing'}`
  throw expected('bad-shape', axes.join(' × '), `input \`${name}\``, got, `Feed \`${name}\`.`)
}

type Reader = (file: ConfigReader, weights: WeightSource) => Network

const readers: Readonly<Record<string, Reader>> = {
  UNet2DConditionModel(file, weights) {
    const config = unet2dConditionConfig(file)
    const added = config.additionEmbedType === undefined ? [] : ['text_embeds', 'time_ids']
    return {
      inputs: ['sample', 'timestep', 'encoder_hidden_states', ...added],
      graph(shapes) {
        const sample = fedShape(shapes, 'sample', ['batch', 'channels', 'height', 'width'])
        const states = fedShape(shapes, 'encoder_hidden_states', ['batch', 'tokens', 'channels'])
        const [batch, , height, width] = sample as [number, number, number, number]
        return unetGraph(config, weights, { batch, height, width, tokens: states[1]! })
      },
    }
  },
  CLIPTextModel: textEncoder,
  CLIPTextModelWithProjection: textEncoder,
}

function textEncoder(file: ConfigReader, weights: WeightSource): Network {
  const config = clipTextConfig(file)
  return {
    inputs: ['input_ids'],
    graph(shapes) {
      const [batch, tokens] = fedShape(shapes, 'input_ids', ['batch', 'tokens']) as [number, number]
      return clipTextGraph(config, weights, { batch, tokens })
    },
  }
}

/** The parts of a pipeline that are built here, by the names of their folders. */
export const networkParts: readonly string[] = ['unet', 'text_encoder', 'text_encoder_2']

/** Builds a part by its class; throws `unsupported` for one that is not known, and what its configuration throws. */
export async function networkOf({ className, config, folder, openWeights }: NetworkPart): Promise<Network> {
  const reader = Object.hasOwn(readers, className) ? readers[className] : undefined
  if (reader) return reader(config, await openWeights())
  const known = Object.keys(readers).join(', ')
  throw expected('unsupported', `one of ${known}`, `\`${folder}\``, className, 'Export this part to ONNX.')
}
