/** Trains a decoder from scratch on what the bundled encoder says of the pictures. */
import { join } from 'node:path'
import { ortNode } from 'undiffuse/node'
import { trainOnCrops } from '../autoencoder/crops.js'
import { evaluateWeights } from '../autoencoder/evaluate.js'
import { autoencoder } from '../autoencoder/recipe.js'
import { initialWeights } from '../initialize.js'
import type { LoopOptions } from '../loop.js'
import { bundledEncoder } from './bundled-encoder.js'
import { decoderTrainingGraph } from './loss.js'
import type { Recipe } from './recipe.js'

export interface Options extends LoopOptions {
  /** Threads of the network's runs; the pictures are drawn beside them. Default: the number of cores. */
  readonly threads?: number
}

export async function train(recipe: Recipe, options: Options, report: (line: string) => void): Promise<void> {
  const encoder = await bundledEncoder()
  const runtime = ortNode(options.threads === undefined ? {} : { threads: options.threads })
  await trainOnCrops(
    runtime,
    {
      graph: (crops) => decoderTrainingGraph(autoencoder, encoder, crops, recipe),
      initialWeights: (parameters) => initialWeights(parameters, recipe.seed),
      async evaluate(average) {
        const sheet = join(options.folder, 'samples.png')
        const { psnrDb } = await evaluateWeights(runtime, new Map([...encoder, ...average]), { count: 16, sheet })
        return { unseenScenesPsnrDb: psnrDb }
      },
    },
    recipe,
    options,
    report,
  )
  await runtime.close()
}
