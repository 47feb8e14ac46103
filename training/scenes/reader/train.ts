/** The training loop of the scene reader: a run of minutes, from nothing to the bundled folder; it does not resume. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeSafetensors, openAutoencoder, openAutoencoderNetworks, safetensor, tensor } from 'undiffuse'
import { nodeFiles, ortNode, writeFilesAtomically } from 'undiffuse/node'
import { adamW, freshState } from '../../adamw.js'
import { initialWeights } from '../../initialize.js'
import { learningRateAt } from '../../loop.js'
import { decodedExamples, type Example, readerBatch } from './batch.js'
import { readerTrainingGraph } from './loss.js'
import { readerConfig } from './network.js'
import { readerRecipe as recipe } from './recipe.js'

export interface ReaderTraining {
  /** Where the trained reader is written. */
  readonly folder: string
  /** The autoencoder whose pictures the reader is to know. */
  readonly autoencoder: string
  readonly steps: number
}

const logEvery = 50

/** Trains and writes config.json and model.safetensors (averaged weights, fp16) of a reader. */
export async function trainReader(options: ReaderTraining, report: (line: string) => void): Promise<void> {
  const { folder, steps } = options
  const runtime = ortNode()
  try {
    const decoded = await decodedBy(options.autoencoder)
    report(`${decoded.length} pictures of ${options.autoencoder}`)
    const { graph, parameters } = readerTrainingGraph(recipe.batch)
    const session = await runtime.open(graph)
    const state = freshState(initialWeights(parameters, recipe.seed))
    const names = parameters.map(({ name }) => name)
    report(`${[...state.weights.values()].reduce((total, { data }) => total + data.length, 0)} parameters`)

    const feeds = (step: number) => ({
      ...readerBatch(recipe.seed + step, { batch: recipe.batch, decoded, share: recipe.share }),
      'cotangent.loss': tensor([], [1]),
    })
    let next = feeds(0)
    let losses = 0
    let started = Date.now()
    for (let step = 0; step < steps; step++) {
      const running = session.run({ ...next, ...Object.fromEntries(state.weights) })
      // The next pictures are drawn while the network runs in its own process.
      next = feeds(step + 1)
      const results = await running
      const gradients = new Map(names.map((name) => [name, results[`gradient.${name}`]!]))
      adamW(state, gradients, step, learningRateAt(recipe, step, steps), recipe)
      losses += results.loss!.data[0]!
      if ((step + 1) % logEvery === 0) {
        const seconds = (Date.now() - started) / 1000 / logEvery
        report(`step ${step + 1}/${steps}  loss ${(losses / logEvery).toFixed(3)}  ${seconds.toFixed(2)} s a step`)
        losses = 0
        started = Date.now()
      }
    }
    const tensors = [...state.average].map(([name, weight]) => [name, safetensor(weight, 'float16')] as const)
    await mkdir(folder, { recursive: true })
    await writeFilesAtomically([
      [join(folder, 'config.json'), `${JSON.stringify(readerConfig, undefined, 2)}\n`],
      [join(folder, 'model.safetensors'), encodeSafetensors(Object.fromEntries(tensors), { format: 'pt' })],
    ])
  } finally {
    await runtime.close()
  }
}

async function decodedBy(folder: string): Promise<Example[]> {
  const runtime = ortNode()
  try {
    const autoencoder = openAutoencoder(await openAutoencoderNetworks(nodeFiles, folder), runtime)
    return await decodedExamples(autoencoder, recipe.decoded, recipe.seed)
  } finally {
    await runtime.close()
  }
}
