/** Training on crops: most steps see many small ones, some see few large ones, and each size has a graph of its own. */
import {
  type Builder,
  type Graph,
  type inputParameters,
  type Runtime,
  type Session,
  type Tensor,
  tensor,
  type Value,
  vjp,
} from 'undiffuse'
import { type LoopOptions, type Optimisation, type Training, trainingLoop } from '../loop.js'
import { trainingBatch } from '../scenes/batch.js'

export interface Crops {
  readonly batch: number
  readonly size: number
}

export interface CropRecipe extends Optimisation {
  readonly seed: number
  /** Crops of a step: most steps see many small ones; every `largeEvery`-th sees few large ones. */
  readonly small: Crops
  readonly large: Crops
  readonly largeEvery: number
  /** Share of scenes among the pictures; the rest is procedural. */
  readonly scenes: number
}

/** What all recipes on crops have in common. */
export const cropRecipe = {
  small: { batch: 8, size: 64 },
  large: { batch: 2, size: 128 },
  largeEvery: 4,
  scenes: 0.7,
  betas: [0.9, 0.99],
  epsilon: 1e-8,
  weightDecay: 1e-3,
  clip: 1,
  averageDecay: 0.998,
} as const satisfies Partial<CropRecipe>

/** Inputs: `image` N × 3 × S × S, the weights, `cotangent.loss` (1). Outputs: `loss`, `logarithm` and the gradients. */
export interface TrainingGraph {
  readonly graph: Graph
  /** Names and shapes of the weights, which are inputs `name` and gradients `gradient.name`. */
  readonly parameters: readonly Value[]
}

/** The graph that `b` holds, with its outputs `loss` and `logarithm`, and the loss' gradient by every parameter. */
export function trainingGraphOf(
  b: Builder,
  parameters: ReturnType<typeof inputParameters>,
  name: string,
): TrainingGraph {
  const names = parameters.declared.map((parameter) => parameter.name)
  return {
    graph: vjp(b.finish(name), { outputs: ['loss'], wrt: names, keep: ['loss', 'logarithm'] }),
    parameters: parameters.declared,
  }
}

export interface CropTraining extends Pick<Training, 'evaluate'> {
  graph(crops: Crops): TrainingGraph
  initialWeights(parameters: readonly Value[]): Map<string, Tensor>
  /** What the graph takes beside pictures and weights: depends on the seed alone. */
  feeds?(crops: Crops, seed: number): Record<string, Tensor>
}

/**
 * Trains on the stream of crops that the recipe's seed draws. A step's pictures depend on that seed and the step alone,
 * so that resuming changes nothing.
 */
export async function trainOnCrops(
  runtime: Runtime,
  training: CropTraining,
  recipe: CropRecipe,
  options: LoopOptions,
  report: (line: string) => void,
): Promise<void> {
  const open = async (crops: Crops): Promise<{ crops: Crops; session: Session; parameters: readonly Value[] }> => {
    const { graph, parameters } = training.graph(crops)
    return { crops, session: await runtime.open(graph), parameters }
  }
  const small = await open(recipe.small)
  const large = await open(recipe.large)
  const shapeAt = (step: number) => (step % recipe.largeEvery === recipe.largeEvery - 1 ? large : small)
  const feedsAt = (step: number): Record<string, Tensor> => {
    const { crops } = shapeAt(step)
    const { batch, size } = crops
    const seed = recipe.seed + step
    const image = tensor([batch, 3, size, size], trainingBatch(seed, { batch, size, scenes: recipe.scenes }))
    return { image, ...training.feeds?.(crops, seed), 'cotangent.loss': tensor([], [1]) }
  }
  let prepared: { step: number; feeds: Record<string, Tensor> } | undefined
  await trainingLoop(
    {
      initialWeights: () => training.initialWeights(small.parameters),
      async step(step, weights) {
        const feeds = prepared?.step === step ? prepared.feeds : feedsAt(step)
        const running = shapeAt(step).session.run({ ...feeds, ...Object.fromEntries(weights) })
        // The next pictures are drawn while the network runs in its own process.
        prepared = { step: step + 1, feeds: feedsAt(step + 1) }
        const results = await running
        const gradients = new Map([...weights.keys()].map((name) => [name, results[`gradient.${name}`]!]))
        const numbers = { loss: results.loss!.data[0]!, psnrDb: psnrOf(results.logarithm!.data[0]!) }
        return { gradients, numbers }
      },
      evaluate: (average) => training.evaluate(average),
    },
    recipe,
    options,
    report,
  )
}

/** Mean PSNR of pictures in [−1, 1] from the mean logarithm of their squared errors. */
const psnrOf = (logarithm: number) => 10 * Math.log10(4) - (10 / Math.LN10) * logarithm
