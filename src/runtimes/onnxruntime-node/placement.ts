/**
 * Puts a graph where ONNX Runtime can open it without copying its weights. ONNX Runtime reads external weights only from
 * the model's own folder, through no symbolic link, so the weights files are hard-linked beside the model.
 */
import { link, realpath, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { expected } from '../../core/errors.js'
import type { Graph } from '../../graph/graph.js'
import { encodeOnnx } from '../../graph/onnx/write.js'
import type { ModelSource } from './protocol.js'
import { makeTemporaryFolder } from './temporary-folders.js'

export interface Placement {
  readonly source: ModelSource
  /** To be called when the session is open, or could not be opened: an open session holds what it needs. */
  remove(): Promise<void>
}

/** A weights file: as the graph names it, where it is, and its name beside the model. */
interface WeightsFile {
  readonly named: string
  readonly file: string
  readonly name: string
}

/**
 * Throws `bad-model` when a link leads out of the folder: a model that somebody else made could read any file through
 * it. The cache of a hub is no such case: its snapshots link to its own `blobs`.
 */
async function checkInside(path: string, folder: string, graphName: string): Promise<void> {
  const inside = await realpath(resolve(folder))
  if (path.startsWith(`${inside}${sep}`)) return
  const blobs = dirname(path)
  if (basename(blobs) === 'blobs' && inside.startsWith(join(dirname(blobs), `snapshots${sep}`))) return
  throw expected(
    'bad-model',
    `weights in the model's own folder`,
    `\`${graphName}\``,
    `a link from ${folder} to another place`,
    'Put the file itself there.',
  )
}

/** The files a graph's initializers lie in; `bad-model` when one is missing or ends before an initializer does. */
async function weightsFiles(graph: Graph): Promise<readonly WeightsFile[]> {
  for (const { storage } of graph.initializers.values()) if ('file' in storage) await storage.ready?.()
  const sizes = new Map<string, number>()
  const files: WeightsFile[] = []
  for (const [initializer, { storage }] of graph.initializers) {
    if (!('file' in storage)) continue
    const { file, offset, length, folder } = storage
    let size = sizes.get(file)
    if (size === undefined) {
      const noFile = (got: string) => {
        const remedy = 'Check the path, or download the checkpoint again.'
        return expected('bad-model', `the weights file ${file}`, `\`${graph.name}\``, got, remedy)
      }
      const path = await realpath(resolve(file)).catch((cause: NodeJS.ErrnoException) => {
        throw noFile(cause.code === 'ENOENT' ? 'no such file' : cause.message)
      })
      if (folder !== undefined) await checkInside(path, folder, graph.name)
      const found = await stat(path)
      if (!found.isFile()) throw noFile(found.isDirectory() ? 'a folder' : 'a pipe or a device')
      size = found.size
      sizes.set(file, size)
      files.push({ named: file, file: path, name: `weights-${files.length}` })
    }
    if (offset < 0 || offset + length > size) {
      throw expected(
        'bad-model',
        `weights of ${length} bytes at ${offset} in ${file}`,
        `\`${initializer}\``,
        `a file of ${size} bytes`,
        'It is cut short or belongs to another model; download the checkpoint again.',
      )
    }
  }
  return files
}

/** The model beside hard links to its weights, in a new folder within `parent`. */
async function linked(
  parent: string,
  prefix: string,
  model: Uint8Array,
  files: readonly WeightsFile[],
): Promise<Placement> {
  const folder = await makeTemporaryFolder(parent, prefix)
  try {
    for (const { file, name } of files) await link(file, join(folder.path, name))
    const path = join(folder.path, 'model.onnx')
    await writeFile(path, model)
    return { source: { path }, remove: folder.remove }
  } catch (error) {
    await folder.remove()
    throw error
  }
}

/**
 * The same graph with its nodes listed backwards. ONNX Runtime walks a graph from its ends and, of several inputs, computes
 * first the one whose node is listed last. Forwards, that computes all that a gradient reads of the forward values before
 * the cotangent is there, and holds it. Backwards, each node is computed when it is needed.
 */
const executedLate = (graph: Graph): Graph => ({ ...graph, nodes: graph.nodes.toReversed() })

/**
 * Writes the graph as ONNX and gives it its weights: hard-linked in `temporaryFolder`; where that cannot be (another file
 * system, no permission), in a hidden folder beside the weights; where that cannot be either, as bytes.
 *
 * @example
 * const { source, remove } = await place(graph, tmpdir())
 */
export async function place(graph: Graph, temporaryFolder: string): Promise<Placement> {
  const files = await weightsFiles(graph)
  const names = new Map(files.map(({ named, name }) => [named, name]))
  const model = encodeOnnx(executedLate(graph), (file) => names.get(file)!)
  const first = files[0]
  if (first) {
    const candidates = [
      { parent: temporaryFolder, prefix: 'undiffuse-' },
      { parent: dirname(first.file), prefix: '.undiffuse-' },
    ]
    for (const { parent, prefix } of candidates) {
      // A refusal here is no error: the next way costs more, and the last one says what is wrong if all fail.
      const placement = await linked(parent, prefix, model, files).catch(() => undefined)
      if (placement) return placement
    }
  }
  return { source: { bytes: model, weights: files.map(({ name, file }) => ({ name, file })) }, remove: async () => {} }
}
