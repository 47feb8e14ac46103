/** An ONNX file as a graph for inputs of given shapes. */
import type { Files } from '../checkpoints/files.js'
import { expected } from '../core/errors.js'
import type { Graph } from '../graph/graph.js'
import { decodeOnnx } from '../graph/onnx-read.js'
import type { Shapes } from '../graph/onnx-shapes.js'

/** Protobuf stops at 2 GB; larger models keep their weights in other files. */
const largestModelBytes = 2 ** 31

/**
 * Reads `path` and the places of its external weights, which stay in their files beside it.
 *
 * Throws `bad-model` for a missing, too large or damaged file; see decodeOnnx for the rest.
 */
export async function readOnnxGraph(files: Files, path: string, shapes: Shapes = {}): Promise<Graph> {
  const size = await files.size(path)
  if (size === undefined || size > largestModelBytes) {
    throw expected('bad-model', 'an ONNX file of at most 2 GB', `\`${path}\``, size === undefined ? 'no such file' : `${size} bytes`, 'Keep the weights of a larger model in external data.')
  }
  const folder = path.replace(/[^/\\]*$/, '')
  const resolve = (location: string) => (folder === '' ? location : files.join(folder, location))
  return decodeOnnx(await files.read(path, 0, size), { resolve, shapes })
}
