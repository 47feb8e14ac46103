/** What a step of the flow is: scenes' latents, noise, times and captions, and what is evaluated. */
import { mkdir } from 'node:fs/promises'
import { readTensors, type Tensor, tensor, torchGenerator } from 'undiffuse'
import { bundledFile, nodeFiles, ortNode } from 'undiffuse/node'
import { initialWeights } from '../initialize.js'
import { type LoopOptions, trainingLoop } from '../loop.js'
import { trainingCaption } from '../scenes/captions.js'
import { emphasisOnShape } from '../scenes/emphasis.js'
import { drawScene, type Latents, latentSize, sceneLatents } from '../scenes/latents.js'
import { mix, randomFrom } from '../scenes/random.js'
import { caption, describeScene } from '../scenes/scene.js'
import { encodeWords } from '../text/vocabulary.js'
import { vocabulary } from '../text-to-image/recipe.js'
import { lossGraphs } from './loss.js'
import { promptTokens, type Recipe, schedulerConfigFile } from './recipe.js'

const entries = 4 * latentSize ** 2

interface Drawn {
  readonly latents: Latents
  readonly recipe: Recipe
  /** The share of noise of the n-th of the batch. */
  readonly sigma: (n: number) => number
  readonly scene: (n: number) => number
  readonly captionOf: (seed: number) => string
  readonly noiseSeed: number
}

/** Feeds of the loss' graph: xₙ = (1 − σ)·x₀ + σ·ε and vₙ = ε − x₀ for the scenes and noise shares that were drawn. */
function feedsOf({ latents, recipe, sigma, scene, captionOf, noiseSeed }: Drawn): Record<string, Tensor> {
  const { batch, emphasis } = recipe
  const shape = [batch, 4, latentSize, latentSize]
  const noise = torchGenerator(noiseSeed).noise(shape).data
  const sample = new Float64Array(noise.length)
  const velocity = new Float64Array(noise.length)
  const times: number[] = []
  const weights: number[] = []
  const ids: number[] = []
  for (let n = 0; n < batch; n++) {
    const index = scene(n)
    const share = sigma(n)
    for (let i = 0; i < entries; i++) {
      const clean = latents.latents.data[index * entries + i]!
      const noisy = noise[n * entries + i]!
      sample[n * entries + i] = (1 - share) * clean + share * noisy
      velocity[n * entries + i] = noisy - clean
    }
    const seed = latents.seeds[index]!
    times.push(schedulerConfigFile.num_train_timesteps * share)
    weights.push(...emphasisOnShape(describeScene(seed), latentSize, emphasis))
    ids.push(...encodeWords(vocabulary, captionOf(seed), promptTokens))
  }
  return {
    sample: tensor(shape, sample),
    velocity: tensor(shape, velocity),
    timestep: tensor([batch], times),
    weight: tensor([batch, 1, latentSize, latentSize], weights),
    input_ids: tensor([batch, promptTokens], ids),
  }
}

/** σ = shift·u/(1 + (shift − 1)·u). */
const shifted = (u: number, shift: number): number => (shift * u) / (1 + (shift - 1) * u)

/** Step `step`'s scenes, noise shares, captions and noise depend on the recipe's seed and the step alone. */
export function trainingFeeds(latents: Latents, recipe: Recipe, step: number): Record<string, Tensor> {
  const random = randomFrom(mix(recipe.seed, step))
  const { batch, shift, sides } = recipe
  return feedsOf({
    latents,
    recipe,
    // One in each of equal parts: the loss is less noisy than with independent ones.
    sigma: (n) => shifted((n + random()) / batch, shift),
    scene: (n) => drawScene(latents, random, n >= 0.75 * batch && random() < sides),
    captionOf: (seed) => trainingCaption(describeScene(seed), random),
    noiseSeed: mix(recipe.seed + 1, step),
  })
}

const evaluationBatches = 4
const parts = 4

/** Unseen scenes at noise shares spread over [0, 1], the noisiest last, with fixed noise: the same for every evaluation. */
const evaluationFeeds = (latents: Latents, recipe: Recipe, index: number): Record<string, Tensor> =>
  feedsOf({
    latents,
    recipe,
    sigma: (n) => (n + 0.5) / recipe.batch,
    scene: (n) => index * recipe.batch + n,
    captionOf: (seed) => caption(describeScene(seed)),
    noiseSeed: index,
  })

/**
 * Sines and cosines of row and column, width/4 each: where a patch lies, as vision transformers are told. 1 × side² × width.
 */
function placesTable(side: number, width: number): Tensor {
  const quarter = width / 4
  const angles = (place: number) => Array.from({ length: quarter }, (_, k) => place / 10_000 ** (k / quarter))
  const told = (place: number) => [...angles(place).map(Math.sin), ...angles(place).map(Math.cos)]
  const rows = Array.from({ length: side ** 2 }, (_, i) => [...told(i % side), ...told(Math.floor(i / side))])
  return tensor([1, side ** 2, width], rows.flat())
}

/** Every gate and the last layer start at zero: blocks are the identity, and the network predicts nothing. */
function startOf(
  parameters: readonly { name: string; shape: readonly number[] }[],
  { networks, seed }: Recipe,
): Map<string, Tensor> {
  const { tableSize, width } = networks.transformer
  const gain = (name: string) => (/(norm\w*\.linear|proj_out)\.weight$/.test(name) ? 0 : 1)
  return initialWeights(parameters, seed, gain).set('pos_embed.pos_embed', placesTable(tableSize, width))
}

const meanOf = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length

/** The weights of the bundled text-to-image model's text encoder. */
export const bundledText = (): Promise<Map<string, Tensor>> =>
  readTensors(nodeFiles, bundledFile('models', 'undiffuse-scenes', 'text_encoder', 'model.safetensors'))

export interface Options extends LoopOptions {
  /** Threads of the network's runs. Default: the number of cores. */
  readonly threads?: number
}

export async function train(recipe: Recipe, options: Options, report: (line: string) => void): Promise<void> {
  await mkdir(options.folder, { recursive: true })
  const runtime = ortNode(options.threads === undefined ? {} : { threads: options.threads })
  const latents = await sceneLatents(runtime, options.folder, 'training', recipe.scenes, report)
  const unseen = await sceneLatents(runtime, options.folder, 'held-out', evaluationBatches * recipe.batch, report)
  const size = { batch: recipe.batch, size: latentSize, tokens: promptTokens }
  const graphs = lossGraphs(recipe.networks, await bundledText(), size)
  const training = await runtime.open(graphs.training)
  const forward = await runtime.open(graphs.forward)
  await trainingLoop(
    {
      initialWeights: () => startOf(graphs.parameters, recipe),
      async step(step, weights) {
        const feeds = { ...trainingFeeds(latents, recipe, step), 'cotangent.loss': tensor([], [1]) }
        const results = await training.run({ ...feeds, ...Object.fromEntries(weights) })
        const gradients = new Map([...weights.keys()].map((name) => [name, results[`gradient.${name}`]!]))
        return { gradients, numbers: { loss: results.loss!.data[0]!, error: meanOf(results.squared!.data) } }
      },
      async evaluate(average) {
        const byNoise = Array<number>(parts).fill(0)
        for (let i = 0; i < evaluationBatches; i++) {
          const { squared } = await forward.run({
            ...evaluationFeeds(unseen, recipe, i),
            ...Object.fromEntries(average),
          })
          const each = recipe.batch / parts
          byNoise.forEach((_, part) => {
            byNoise[part]! += meanOf(squared!.data.slice(part * each, (part + 1) * each)) / evaluationBatches
          })
        }
        const named = byNoise.map((error, part) => [`unseenErrorTo${(part + 1) / parts}`, error] as const)
        return { unseenError: meanOf(byNoise), ...Object.fromEntries(named) }
      },
    },
    recipe,
    options,
    report,
  )
  await runtime.close()
}
