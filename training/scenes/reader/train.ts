/** Trains the scene reader and writes it as a folder: minutes, on pictures that are drawn on the way. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  autoencoderOf,
  encodeSafetensors,
  openAutoencoder,
  openAutoencoderNetworks,
  type Runtime,
  safetensor,
  type Tensor,
  tensor,
} from 'undiffuse'
import { nodeFiles, ortNode, writeFilesAtomically } from 'undiffuse/node'
import { loadCheckpoint } from '../../checkpoint.js'
import { initialWeights } from '../../initialize.js'
import { type LoopOptions, type Training, trainingLoop } from '../../loop.js'
import { decodedExamples, type Example, readerBatch } from './batch.js'
import { evaluateReader } from './evaluate.js'
import { readerTrainingGraph } from './loss.js'
import { readerConfig } from './network.js'
import { readerFromWeights } from './reader.js'
import { readerRecipe as recipe } from './recipe.js'

export interface ReaderTraining extends LoopOptions {
  /** The folder of the autoencoder whose pictures the reader is to know. */
  readonly autoencoder: string
}

/** Held-out scenes that are read during training. */
const evaluated = 200

async function readerTraining(runtime: Runtime, decoded: readonly Example[]): Promise<Training> {
  const { graph, parameters } = readerTrainingGraph(recipe.batch)
  const session = await runtime.open(graph)
  const feeds = (step: number) => ({
    ...readerBatch(recipe.seed + step, { ...recipe, decoded }),
    'cotangent.loss': tensor([], [1]),
  })
  let drawn: { step: number; feeds: Record<string, Tensor> } | undefined
  return {
    initialWeights: () => initialWeights(parameters, recipe.seed),
    async step(step, weights) {
      const now = drawn?.step === step ? drawn.feeds : feeds(step)
      const running = session.run({ ...now, ...Object.fromEntries(weights) })
      // The next pictures are drawn while the network runs in its own process.
      drawn = { step: step + 1, feeds: feeds(step + 1) }
      const results = await running
      const gradients = new Map(parameters.map(({ name }) => [name, results[`gradient.${name}`]!]))
      return { gradients, numbers: { loss: results.loss!.data[0]! } }
    },
    async evaluate(average) {
      const reader = await readerFromWeights(runtime, average)
      const accuracy = await evaluateReader(reader, evaluated)
      await reader.close()
      return { ...accuracy }
    },
  }
}

/** Trains to `options.steps`; a run that was stopped goes on. */
export async function trainReader(options: ReaderTraining, report: (line: string) => void): Promise<void> {
  const decoded = await decodedBy(options.autoencoder)
  report(`${decoded.length} pictures of ${options.autoencoder}`)
  // One thread for the network: another one draws the pictures.
  const runtime = ortNode({ threads: 1 })
  try {
    await trainingLoop(await readerTraining(runtime, decoded), recipe, options, report)
  } finally {
    await runtime.close()
  }
}

async function decodedBy(folder: string): Promise<Example[]> {
  const runtime = ortNode()
  try {
    const autoencoder = autoencoderOf(openAutoencoder(await openAutoencoderNetworks(nodeFiles, folder), runtime))
    return await decodedExamples(autoencoder, recipe.decoded, recipe.seed)
  } finally {
    await runtime.close()
  }
}

/** Writes the averaged weights of a run as config.json and model.safetensors in fp16. */
export async function exportReader(run: string, folder: string): Promise<void> {
  const found = await loadCheckpoint(join(run, 'checkpoint.safetensors'))
  if (!found) throw new Error(`Expected a checkpoint in \`${run}\`, got none. Train first.`)
  const tensors = [...found.state.average].map(([name, weight]) => [name, safetensor(weight, 'float16')] as const)
  await mkdir(folder, { recursive: true })
  await writeFilesAtomically([
    [join(folder, 'config.json'), `${JSON.stringify(readerConfig, undefined, 2)}\n`],
    [join(folder, 'model.safetensors'), encodeSafetensors(Object.fromEntries(tensors), { format: 'pt' })],
  ])
}
