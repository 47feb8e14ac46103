/** FlowMatchEulerDiscreteScheduler and FlowMatchHeunDiscreteScheduler: flows whose times are moved towards the noise. */
import { expected } from '../../../core/errors.js'
import type { Grid, NoiseLevel, Schedule } from '../../../diffusion/level.js'
import { noiseLevel } from '../../../diffusion/level.js'
import { flowEuler } from '../../../diffusion/solvers/flow-euler.js'
import { flowHeun } from '../../../diffusion/solvers/flow-heun.js'
import {
  boolean,
  choice,
  integer,
  number,
  only,
  optional,
  type SchedulerCall,
  schedulerClass,
} from '../shared/fields.js'
import { dynamicShift, flowLevel, flowSchedule, shiftedBy } from '../shared/level-grids.js'
import { float32, linspace } from '../shared/reference-arithmetic.js'
import { onGrid, refuseGiven, startingWith, stepsOf } from '../shared/shared-fields.js'
import { spacedFields, spacedKind, spacedSigmas } from '../shared/spaced-sigmas.js'
import { linearMu } from '../time-shifts.js'
import { noShift, stretched, withoutShift } from './uni-pc.js'

const countField = integer(1000, { minimum: 1, maximum: 100_000 })
const shiftField = number(1, { minimum: 1e-4, maximum: 1e4 })

/** Even shares between the table's two ends, which were shifted once; the shift that follows is the second. */
function evenShares(count: number, steps: number, ownShift: (share: number) => number): number[] {
  const end = (share: number) => float32(ownShift(float32(share)))
  return linspace(end(1) * count, end(1 / count) * count, steps).map((time) => time / count)
}

const same = (share: number): number => share

export const flowMatchEulerDiscreteScheduler = schedulerClass({
  name: 'FlowMatchEulerDiscreteScheduler',
  solver: 'flow-euler',
  fields: {
    num_train_timesteps: countField,
    shift: shiftField,
    use_dynamic_shifting: boolean(false),
    base_shift: optional(number(0.5)),
    max_shift: optional(number(1.15)),
    base_image_seq_len: integer(256, { minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    max_image_seq_len: integer(4096, { minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    invert_sigmas: boolean(false),
    shift_terminal: optional(number(0, { minimum: 0, maximum: 1 - Number.EPSILON })),
    ...spacedFields,
    time_shift_type: choice(['exponential', 'linear'], 'exponential'),
    stochastic_sampling: only(false, 'It draws noise at every step, so that no step can be undone.'),
  },
  make(values, call, config) {
    const { num_train_timesteps: count, use_dynamic_shifting: dynamic, invert_sigmas: inverted } = values
    const kind = spacedKind(values, config)
    const static_ = shiftedBy(values.shift)
    const name = 'FlowMatchEulerDiscreteScheduler'
    const grid = ({ shift }: Schedule): Grid => {
      if (dynamic && !shift) throw noShift(name)
      const given = givenShares(call, count, name)
      const steps = given?.length ?? stepsOf(call)
      const even = given ?? evenShares(count, steps, dynamic ? same : static_)
      const moved = stretched(even.map(dynamic ? shift! : static_), values.shift_terminal)
      const spaced = kind ? spacedSigmas(kind, [moved[0]!, moved.at(-1)!], steps, values) : moved
      const shares = spaced.map(float32)
      const told = call.timesteps?.map(float32) ?? shares.map((share) => float32(share * count))
      if (!inverted) return startingWith(1, [...shares.map((share, i) => flowLevel(told[i]!, share)), flowLevel(0, 0)])
      const upwards = shares.map((share) => float32(1 - share))
      return startingWith(1, [
        ...upwards.map((image) => imageLevel(float32(image * count), image)),
        imageLevel(count, 1),
      ])
    }
    const ofMu = (mu: number) => flowSchedule(count, dynamicShift(values.time_shift_type, mu))
    const { base_shift = 0.5, max_shift = 1.15, base_image_seq_len, max_image_seq_len } = values
    const mu = linearMu({ base_shift, max_shift, base_image_seq_len, max_image_seq_len })
    return {
      schedule: dynamic ? withoutShift(ofMu(1)) : flowSchedule(count, static_),
      ...(dynamic && { dynamic: { mu, schedule: ofMu } }),
      prediction: inverted ? 'velocity-to-image' : 'velocity',
      solver: onGrid(flowEuler(), grid),
    }
  },
})

/** The level where the time grows with the share of the image. */
const imageLevel = (t: number, image: number): NoiseLevel => noiseLevel(t, image, 1 - image)

/** Shares of noise that are given, or follow from given times. */
function givenShares({ sigmas, timesteps, steps }: SchedulerCall, count: number, name: string) {
  const lengths = [sigmas?.length, timesteps?.length, (sigmas || timesteps) && steps].filter((n) => n !== undefined)
  if (new Set(lengths).size > 1) {
    const got = lengths.join(' and ')
    throw expected('bad-option', 'as many sigmas as times and steps', name, got, 'Give lists of one length.')
  }
  if (sigmas) return sigmas.map(float32)
  return timesteps?.map((time) => float32(time) / count)
}

export const flowMatchHeunDiscreteScheduler = schedulerClass({
  name: 'FlowMatchHeunDiscreteScheduler',
  solver: 'flow-heun',
  fields: { num_train_timesteps: countField, shift: shiftField },
  make({ num_train_timesteps: count, shift }, call) {
    const moved = shiftedBy(shift)
    const grid = (): Grid => {
      refuseGiven('FlowMatchHeunDiscreteScheduler', call, 'timesteps', 'sigmas')
      const shares = evenShares(count, stepsOf(call), moved).map((share) => float32(moved(share)))
      return startingWith(1, [...shares.map((share) => flowLevel(float32(share * count), share)), flowLevel(0, 0)])
    }
    return { schedule: flowSchedule(count, moved), prediction: 'velocity', solver: onGrid(flowHeun(), grid) }
  },
})
