/** The training loop that every recipe here shares: step, log, evaluate, checkpoint; a run that was killed goes on. */
import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Tensor } from 'undiffuse'
import { type AdamWOptions, adamW, freshState, type Trained } from './adamw.js'
import { loadCheckpoint, saveCheckpoint } from './checkpoint.js'

/** How weights move, as data. */
export interface Optimisation extends AdamWOptions {
  readonly learningRate: number
  readonly warmUpSteps: number
  /** Share of the steps, at the end, over which the learning rate falls to zero. */
  readonly decay: number
}

export interface LoopOptions {
  /** Where checkpoint, log and sample sheets go. */
  readonly folder: string
  /** Steps of the whole run, over which the learning rate falls. */
  readonly steps: number
  readonly saveEvery: number
  readonly evaluateEvery: number
  /** Stop after this step, with the schedule of the whole run: what is left is for another time. */
  readonly until?: number
}

type Weights = ReadonlyMap<string, Tensor>
type Numbers = Readonly<Record<string, number>>

/** What is trained. Step `step` depends on the recipe and the step alone, so that resuming changes nothing. */
export interface Training {
  initialWeights(): Map<string, Tensor>
  /** Gradients of one step, and numbers for the log, which are averaged over the steps between two lines. */
  step(step: number, weights: Weights): Promise<{ gradients: Weights; numbers: Numbers }>
  /** Numbers for the log that the averaged weights reach. */
  evaluate(average: Weights): Promise<Numbers>
}

/** Warm-up, a constant stretch, and a linear fall to zero over the last share of the steps. */
export function learningRateAt(
  { learningRate, warmUpSteps, decay }: Optimisation,
  step: number,
  steps: number,
): number {
  const warm = Math.min(1, (step + 1) / warmUpSteps)
  const left = (steps - step) / (decay * steps)
  return learningRate * warm * Math.min(1, left)
}

const logEvery = 50

export async function trainingLoop(
  training: Training,
  optimisation: Optimisation,
  options: LoopOptions,
  report: (line: string) => void,
): Promise<void> {
  await mkdir(options.folder, { recursive: true })
  const checkpoint = join(options.folder, 'checkpoint.safetensors')
  const resumed = await loadCheckpoint(checkpoint)
  const state = resumed?.state ?? freshState(training.initialWeights())
  report(`${resumed ? `resuming after step ${resumed.step}` : 'starting'}: ${countOf(state)} parameters`)
  const log = (line: Numbers) => appendFile(join(options.folder, 'log.jsonl'), `${JSON.stringify(line)}\n`)

  const last = Math.min(options.until ?? options.steps, options.steps)
  let started = Date.now()
  let sums: Record<string, number> = {}
  for (let step = resumed?.step ?? 0; step < last; step++) {
    const { gradients, numbers } = await training.step(step, state.weights)
    const learningRate = learningRateAt(optimisation, step, options.steps)
    const gradientNorm = adamW(state, gradients, step, learningRate, optimisation)
    for (const [name, value] of Object.entries({ ...numbers, gradientNorm })) sums[name] = (sums[name] ?? 0) + value
    const done = step + 1
    if (done % logEvery === 0) {
      const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / logEvery]))
      const secondsPerStep = (Date.now() - started) / 1000 / logEvery
      await log({ step: done, ...means, learningRate, secondsPerStep })
      report(`step ${done}/${options.steps}  ${format(means)}  ${secondsPerStep.toFixed(2)} s a step`)
      sums = {}
      started = Date.now()
    }
    if (done % options.saveEvery === 0 || done === last) await saveCheckpoint(checkpoint, state, done)
    if (done % options.evaluateEvery === 0 || done === last) {
      const reached = await training.evaluate(state.average)
      await log({ step: done, ...reached })
      report(`step ${done}: ${format(reached)}`)
      started = Date.now()
    }
  }
}

const format = (numbers: Numbers): string =>
  Object.entries(numbers)
    .map(([name, value]) => `${name} ${value.toPrecision(4)}`)
    .join('  ')

const countOf = (state: Trained) => [...state.weights.values()].reduce((total, { data }) => total + data.length, 0)
