/** An ONNX file as graphs for inputs of given shapes. */
import type { Files } from '../../checkpoints/files.js'
import { checkNature } from '../../checkpoints/json.js'
import { expected } from '../../core/errors.js'
import type { Graph, Initializer } from '../../graph/graph.js'
import { decodeOnnx, onnxInputs } from '../../graph/onnx/read.js'
import type { Declared, Shapes } from '../../graph/onnx/shapes.js'

/** Protobuf stops at 2 GB; larger models keep their weights in other files. */
const largestModelBytes = 2 ** 31

export interface OnnxModel {
  readonly file: string
  /** What the model must be fed, with symbolic dimensions by name. */
  readonly inputs: readonly Declared[]
  /** The model for inputs of these shapes; see decodeOnnx for its errors. */
  graph(shapes: Shapes): Graph
}

/** The graph with the folder that its weights must lie in: the model names them, and may come from anybody. */
function keptIn(folder: string, graph: Graph): Graph {
  const initializers = [...graph.initializers].map(([name, initializer]): [string, Initializer] => {
    const { storage } = initializer
    return [name, 'file' in storage ? { ...initializer, storage: { ...storage, folder } } : initializer]
  })
  return { ...graph, initializers: new Map(initializers) }
}

/**
 * Reads the file at `path` and the places of its external weights, which stay in their files beside it.
 *
 * Throws `bad-model` for a missing, too large or damaged file.
 */
export async function openOnnxModel(files: Files, path: string): Promise<OnnxModel> {
  const size = await files.size(path)
  if (size === undefined || size > largestModelBytes) {
    throw expected(
      'bad-model',
      'an ONNX file of at most 2 GB',
      `\`${path}\``,
      size === undefined ? 'no such file' : `${size} bytes`,
      'Keep the weights of a larger model in external data.',
    )
  }
  const folder = path.replace(/[^/\\]*$/, '')
  const resolve = (location: string) => (folder === '' ? location : files.join(folder, location))
  const bytes = await files.read(path, 0, size)
  checkNature(bytes, path, 'an ONNX file')
  return {
    file: path,
    inputs: onnxInputs(bytes),
    graph: (shapes) => keptIn(folder || '.', decodeOnnx(bytes, { resolve, shapes })),
  }
}
