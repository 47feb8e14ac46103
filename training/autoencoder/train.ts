/** The training loop of the bundled autoencoder: step, log, evaluate, checkpoint; a run that was killed goes on. */
import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Session, type Tensor, tensor, torchGenerator } from 'undiffuse'
import { ortNode } from 'undiffuse/node'
import { adamW, freshState, type Trained } from '../adamw.js'
import { loadCheckpoint, saveCheckpoint } from '../checkpoint.js'
import { initialWeights } from '../initialize.js'
import { trainingBatch } from '../scenes/batch.js'
import { evaluateWeights } from './evaluate.js'
import { trainingGraph } from './loss.js'
import { autoencoder, learningRateAt, type Recipe } from './recipe.js'

export interface TrainOptions {
  /** Where checkpoint, log and sample sheets go. */
  readonly folder: string
  /** Steps of the whole run, over which the learning rate falls. */
  readonly steps: number
  readonly saveEvery: number
  readonly evaluateEvery: number
  /** Stop after this step, with the schedule of the whole run: what is left is for another time. */
  readonly until?: number
}

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

export async function train(recipe: Recipe, options: TrainOptions, report: (line: string) => void): Promise<void> {
  await mkdir(options.folder, { recursive: true })
  const checkpoint = join(options.folder, 'checkpoint.safetensors')
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
  const resumed = await loadCheckpoint(checkpoint)
  const state = resumed?.state ?? freshState(initialWeights(small.graph.parameters, recipe.seed))
  const names = [...state.weights.keys()]
  report(`${resumed ? `resuming after step ${resumed.step}` : 'starting'}: ${countOf(state)} parameters`)

  const shapeAt = (step: number) => (step % recipe.largeEvery === recipe.largeEvery - 1 ? large : small)
  const last = Math.min(options.until ?? options.steps, options.steps)
  let next = feedsOf(shapeAt(resumed?.step ?? 0), recipe, resumed?.step ?? 0)
  let started = Date.now()
  let logarithms = 0
  for (let step = resumed?.step ?? 0; step < last; step++) {
    const running = shapeAt(step).session.run({ ...next, ...Object.fromEntries(state.weights) })
    // The next pictures are drawn while the network runs in its own process.
    next = feedsOf(shapeAt(step + 1), recipe, step + 1)
    const results = await running
    const gradients = new Map(names.map((name) => [name, results[`gradient.${name}`]!]))
    const learningRate = learningRateAt(recipe, step, options.steps)
    const gradientNorm = adamW(state, gradients, step, learningRate, recipe)
    logarithms += results.logarithm!.data[0]!
    const done = step + 1
    if (done % logEvery === 0) {
      const line = {
        step: done,
        loss: results.loss!.data[0]!,
        psnrDb: psnrOf(logarithms / logEvery),
        gradientNorm,
        learningRate,
        secondsPerStep: (Date.now() - started) / 1000 / logEvery,
      }
      await appendFile(join(options.folder, 'log.jsonl'), `${JSON.stringify(line)}\n`)
      report(
        `step ${done}/${options.steps}  ${line.psnrDb.toFixed(2)} dB on crops  ${line.secondsPerStep.toFixed(2)} s a step`,
      )
      logarithms = 0
      started = Date.now()
    }
    if (done % options.saveEvery === 0 || done === last) await saveCheckpoint(checkpoint, state, done)
    if (done % options.evaluateEvery === 0 || done === last) {
      const { psnrDb } = await evaluateWeights(runtime, state.average, {
        count: 16,
        sheet: join(options.folder, 'samples.png'),
      })
      await appendFile(
        join(options.folder, 'log.jsonl'),
        `${JSON.stringify({ step: done, unseenScenesPsnrDb: psnrDb })}\n`,
      )
      report(`step ${done}: ${psnrDb.toFixed(2)} dB on unseen scenes`)
      started = Date.now()
    }
  }
  await runtime.close()
}

const logEvery = 50

/** Mean PSNR of pictures in [−1, 1] from the mean logarithm of their squared errors. */
const psnrOf = (logarithm: number) => 10 * Math.log10(4) - (10 / Math.LN10) * logarithm

const countOf = (state: Trained) => [...state.weights.values()].reduce((total, { data }) => total + data.length, 0)
