/** What a step of the autoencoder is: pictures, noise, and the graph of their size; and what is evaluated. */
import { join } from 'node:path'
import { type Session, type Tensor, tensor, torchGenerator } from 'undiffuse'
import { ortNode } from 'undiffuse/node'
import { initialWeights } from '../initialize.js'
import { type LoopOptions, trainingLoop } from '../loop.js'
import { trainingBatch } from '../scenes/batch.js'
import { evaluateWeights } from './evaluate.js'
import { trainingGraph } from './loss.js'
import { autoencoder, type Recipe } from './recipe.js'

interface Shaped {
  readonly session: Session
  readonly batch: number
  readonly size: number
}

/** Step `step`'s pictures and noise depend on the recipe's seed and the step alone, so that resuming changes nothing. */
function feedsOf({ batch, size }: Shaped, recipe: Recipe, step: number): Record<string, Tensor> {
  const seed = recipe.seed + step
  const noise = torchGenerator(seed).noise([batch, autoencoder.latentChannels, size / 8, size / 8])
  const image = tensor([batch, 3, size, size], trainingBatch(seed, { batch, size, scenes: recipe.scenes }))
  return { image, noise, 'cotangent.loss': tensor([], [1]) }
}

export async function train(recipe: Recipe, options: LoopOptions, report: (line: string) => void): Promise<void> {
  const runtime = ortNode()
  const open = async ({
    batch,
    size,
  }: Recipe['small']): Promise<Shaped & { graph: ReturnType<typeof trainingGraph> }> => {
    const graph = trainingGraph(autoencoder, { batch, size, ...recipe })
    return { session: await runtime.open(graph.graph), batch, size, graph }
  }
  const small = await open(recipe.small)
  const large = await open(recipe.large)
  const shapeAt = (step: number) => (step % recipe.largeEvery === recipe.largeEvery - 1 ? large : small)
  let prepared: { step: number; feeds: Record<string, Tensor> } | undefined
  await trainingLoop(
    {
      initialWeights: () => initialWeights(small.graph.parameters, recipe.seed),
      async step(step, weights) {
        const feeds = prepared?.step === step ? prepared.feeds : feedsOf(shapeAt(step), recipe, step)
        const running = shapeAt(step).session.run({ ...feeds, ...Object.fromEntries(weights) })
        // The next pictures are drawn while the network runs in its own process.
        prepared = { step: step + 1, feeds: feedsOf(shapeAt(step + 1), recipe, step + 1) }
        const results = await running
        const gradients = new Map([...weights.keys()].map((name) => [name, results[`gradient.${name}`]!]))
        const numbers = { loss: results.loss!.data[0]!, psnrDb: psnrOf(results.logarithm!.data[0]!) }
        return { gradients, numbers }
      },
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

/** Mean PSNR of pictures in [−1, 1] from the mean logarithm of their squared errors. */
const psnrOf = (logarithm: number) => 10 * Math.log10(4) - (10 / Math.LN10) * logarithm
