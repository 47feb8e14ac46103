/** Trains encoder and decoder together: noise for the latents, and what is evaluated. */
import { join } from 'node:path'
import { torchGenerator } from 'undiffuse'
import { ortNode } from 'undiffuse/node'
import { initialWeights } from '../initialize.js'
import type { LoopOptions } from '../loop.js'
import { trainOnCrops } from './crops.js'
import { evaluateWeights } from './evaluate.js'
import { trainingGraph } from './loss.js'
import { autoencoder, type Recipe } from './recipe.js'

export async function train(recipe: Recipe, options: LoopOptions, report: (line: string) => void): Promise<void> {
  const runtime = ortNode()
  await trainOnCrops(
    runtime,
    {
      graph: (crops) => trainingGraph(autoencoder, { ...crops, divergence: recipe.divergence }),
      initialWeights: (parameters) => initialWeights(parameters, recipe.seed),
      feeds: ({ batch, size }, seed) => ({
        noise: torchGenerator(seed).noise([batch, autoencoder.latentChannels, size / 8, size / 8]),
      }),
      async evaluate(average) {
        const sheet = join(options.folder, 'samples.png')
        const { psnrDb } = await evaluateWeights(runtime, average, { count: 16, sheet })
        return { unseenScenesPsnrDb: psnrDb }
      },
    },
    recipe,
    options,
    report,
  )
  await runtime.close()
}
