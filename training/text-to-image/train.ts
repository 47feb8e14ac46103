/** What a step of the text-to-image model is: scenes' latents, noise, times and captions, and what is evaluated. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  betas,
  readTensors,
  type Session,
  sameShape,
  type Tensor,
  tensor,
  torchGenerator,
  variancePreserving,
} from 'undiffuse'
import { nodeFiles, ortNode } from 'undiffuse/node'
import { type Gain, initialWeights } from '../initialize.js'
import { type LoopOptions, trainingLoop } from '../loop.js'
import { trainingCaption } from '../scenes/captions.js'
import { emphasisOnShape } from '../scenes/emphasis.js'
import { drawScene, type Latents, latentSize, sceneLatents } from '../scenes/latents.js'
import { mix, randomFrom } from '../scenes/random.js'
import { caption, describeScene } from '../scenes/scene.js'
import { encodeWords } from '../text/vocabulary.js'
import { lossGraphs } from './loss.js'
import { promptTokens, type Recipe, schedulerConfigFile, vocabulary } from './recipe.js'

const { num_train_timesteps: count, beta_start: start, beta_end: end } = schedulerConfigFile
const schedule = variancePreserving(betas('scaled-linear', { start, end, count }))
const entries = 4 * latentSize ** 2

interface Drawn {
  readonly latents: Latents
  readonly recipe: Recipe
  /** The time of the n-th of the batch. */
  readonly time: (n: number) => number
  readonly scene: (n: number) => number
  readonly captionOf: (seed: number) => string
  readonly noiseSeed: number
}

/**
 * The weight of the noise's error at a signal-to-noise ratio: 1, less where there is little noise (min-SNR), and more where
 * there is little signal, up to the weight that makes it an error of the picture. What a prompt decides, colours above all,
 * is decided there, and the noise's error hardly shows it.
 */
const weightOf = (ratio: number, { largestRatio, largestWeight }: Recipe['weighting']): number =>
  Math.min(1, largestRatio / ratio) * Math.min(Math.max(1, 1 / ratio), largestWeight)

/** Feeds of the loss' graph: xₙ = alpha·x₀ + sigma·ε for the scenes and times that were drawn. */
function feedsOf({ latents, recipe, time, scene, captionOf, noiseSeed }: Drawn): Record<string, Tensor> {
  const { batch, weighting, emphasis } = recipe
  const shape = [batch, 4, latentSize, latentSize]
  const noise = torchGenerator(noiseSeed).noise(shape)
  const sample = new Float64Array(noise.data.length)
  const times: number[] = []
  const weights: number[] = []
  const ids: number[] = []
  for (let n = 0; n < batch; n++) {
    const index = scene(n)
    const t = time(n)
    const { alpha, sigma } = schedule.level(t)
    for (let i = 0; i < entries; i++) {
      sample[n * entries + i] =
        alpha * latents.latents.data[index * entries + i]! + sigma * noise.data[n * entries + i]!
    }
    times.push(t)
    const seed = latents.seeds[index]!
    const ofTime = weightOf((alpha / sigma) ** 2, weighting)
    weights.push(...emphasisOnShape(describeScene(seed), latentSize, emphasis).map((ofPlace) => ofTime * ofPlace))
    ids.push(...encodeWords(vocabulary, captionOf(seed), promptTokens))
  }
  return {
    sample: tensor(shape, sample),
    noise,
    timestep: tensor([batch], times),
    weight: tensor([batch, 1, latentSize, latentSize], weights),
    input_ids: tensor([batch, promptTokens], ids),
  }
}

/** Step `step`'s scenes, times, captions and noise depend on the recipe's seed and the step alone. */
export function trainingFeeds(latents: Latents, recipe: Recipe, step: number): Record<string, Tensor> {
  const random = randomFrom(mix(recipe.seed, step))
  const { share, from, sides } = recipe.noisy
  const others = Math.round((1 - share) * recipe.batch)
  return feedsOf({
    latents,
    recipe,
    // One time in each of equal parts: the loss is less noisy than with independent times.
    time: (n) =>
      n < others
        ? Math.floor(((n + random()) / others) ** recipe.timeExponent * count)
        : Math.floor(from + ((n - others + random()) / (recipe.batch - others)) * (count - from)),
    scene: (n) => drawScene(latents, random, n >= others && random() < sides),
    captionOf: (seed) => trainingCaption(describeScene(seed), random),
    noiseSeed: mix(recipe.seed + 1, step),
  })
}

const evaluationBatches = 4

/** Unseen scenes at times spread over the schedule, the noisiest last, with fixed noise: the same for every evaluation. */
const evaluationFeeds = (latents: Latents, recipe: Recipe, index: number): Record<string, Tensor> =>
  feedsOf({
    latents,
    recipe,
    time: (n) => Math.floor(((n + 0.5) / recipe.batch) * count),
    scene: (n) => index * recipe.batch + n,
    captionOf: (seed) => caption(describeScene(seed)),
    noiseSeed: index,
  })

/** Branches end in small weights, the whole network in zeros: it starts by predicting nothing. */
const gain: Gain = (name) =>
  name === 'conv_out.weight' ? 0 : /(conv2|to_out\.0|proj_out|net\.2|out_proj|fc2)\.weight$/.test(name) ? 0.3 : 1

const meanOf = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length

/** Words that a model may take for one, since scenes are their own mirror images on average; and how far they are moved apart. */
const mirrored = { words: ['left', 'right'], factor: 4 } as const

/** Multiplies the difference of the embeddings of mirrored words, their mean kept: what stands still between them moves again. */
function tellApart({ shape, data }: Tensor): Tensor {
  const width = shape[1]!
  const [left, right] = mirrored.words.map((word) => vocabulary.tokens.get(`${word}</w>`)! * width) as [number, number]
  const apart = data.slice()
  for (let i = 0; i < width; i++) {
    const move = ((mirrored.factor - 1) / 2) * (data[left + i]! - data[right + i]!)
    apart[left + i]! += move
    apart[right + i]! -= move
  }
  return tensor(shape, apart)
}

const embeddings = 'text_model.embeddings.token_embedding.weight'

/** Fresh weights, and in their place those of another model's folder wherever name and shape agree, left and right told apart. */
export async function startingFrom(folder: string, fresh: Map<string, Tensor>): Promise<Map<string, Tensor>> {
  for (const file of ['unet/diffusion_pytorch_model.safetensors', 'text_encoder/model.safetensors'])
    for (const [name, weight] of await readTensors(nodeFiles, join(folder, file))) {
      const own = fresh.get(name)
      if (own && sameShape(own.shape, weight.shape)) fresh.set(name, name === embeddings ? tellApart(weight) : weight)
    }
  return fresh
}

export interface TextToImageOptions extends LoopOptions {
  /** The folder of a model of the same layout to start from, in place of fresh weights. */
  readonly from?: string
}

export async function train(
  recipe: Recipe,
  options: TextToImageOptions,
  report: (line: string) => void,
): Promise<void> {
  await mkdir(options.folder, { recursive: true })
  const runtime = ortNode()
  const latents = await sceneLatents(runtime, options.folder, 'training', recipe.scenes, report)
  const unseen = await sceneLatents(runtime, options.folder, 'held-out', evaluationBatches * recipe.batch, report)
  const graphs = lossGraphs(recipe.networks, { batch: recipe.batch, size: latentSize })
  const training: Session = await runtime.open(graphs.training)
  const forward: Session = await runtime.open(graphs.forward)
  const fresh = initialWeights(graphs.parameters, recipe.seed, gain)
  const start = options.from === undefined ? fresh : await startingFrom(options.from, fresh)
  await trainingLoop(
    {
      initialWeights: () => start,
      async step(step, weights) {
        const feeds = { ...trainingFeeds(latents, recipe, step), 'cotangent.loss': tensor([], [1]) }
        const results = await training.run({ ...feeds, ...Object.fromEntries(weights) })
        const gradients = new Map([...weights.keys()].map((name) => [name, results[`gradient.${name}`]!]))
        return { gradients, numbers: { loss: results.loss!.data[0]!, error: meanOf(results.squared!.data) } }
      },
      async evaluate(average) {
        let loss = 0
        let error = 0
        let noisyError = 0
        for (let i = 0; i < evaluationBatches; i++) {
          const results = await forward.run({ ...evaluationFeeds(unseen, recipe, i), ...Object.fromEntries(average) })
          loss += results.loss!.data[0]! / evaluationBatches
          const errors = results.squared!.data
          error += meanOf(errors) / evaluationBatches
          noisyError += meanOf(errors.slice(-recipe.batch / 4)) / evaluationBatches
        }
        return { unseenLoss: loss, unseenError: error, unseenNoisyError: noisyError }
      },
    },
    recipe,
    options,
    report,
  )
  await runtime.close()
}
