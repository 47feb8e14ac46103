/** diffusers' schedulers that are read here, written out; and those that are known and not reproduced, with the reason. */
import type { SchedulerClass } from '../shared/fields.js'
import { ddimInverseScheduler, ddimScheduler } from './ddim.js'
import { deisMultistepScheduler } from './deis.js'
import {
  dpmSolverMultistepInverseScheduler,
  dpmSolverMultistepScheduler,
  dpmSolverSinglestepScheduler,
} from './dpm-solver.js'
import { eulerDiscreteScheduler, heunDiscreteScheduler, lmsDiscreteScheduler } from './euler.js'
import { flowMatchEulerDiscreteScheduler, flowMatchHeunDiscreteScheduler } from './flow-match.js'
import { pndmScheduler } from './pndm.js'
import { uniPcMultistepScheduler } from './uni-pc.js'
import { unread } from './unread.js'

export { unreadReasons } from './unread.js'

/** Classes whose solver is here. */
export const readClasses: readonly SchedulerClass[] = [
  ddimScheduler,
  pndmScheduler,
  eulerDiscreteScheduler,
  heunDiscreteScheduler,
  lmsDiscreteScheduler,
  dpmSolverMultistepScheduler,
  dpmSolverSinglestepScheduler,
  uniPcMultistepScheduler,
  deisMultistepScheduler,
  flowMatchEulerDiscreteScheduler,
  flowMatchHeunDiscreteScheduler,
  ddimInverseScheduler,
  dpmSolverMultistepInverseScheduler,
]

/** All classes by their names. */
export const classes: ReadonlyMap<string, SchedulerClass> = new Map(
  [...readClasses, ...unread].map((each) => [each.name, each]),
)
