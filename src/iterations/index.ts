/** One loop, and one file for each way to move. */
export { type AdamOptions, adam } from './adam.js'
export { type AndersonOptions, anderson } from './anderson.js'
export { forwardStep } from './forward-step.js'
export { type GradientDescentOptions, gradientDescent } from './gradient-descent.js'
export { type InertialKmOptions, inertialKm, inertialKmStepLimit } from './inertial-km.js'
export { type LbfgsOptions, lbfgs } from './lbfgs.js'
export {
  type ConjugateGradientsOptions,
  conjugateGradients,
  type LinearSolution,
  type LinearSystem,
} from './linear/conjugate-gradients.js'
export { type NewtonKrylovOptions, newtonKrylov } from './newton-krylov.js'
export { type Difference, type Differences, differences } from './parts/differences.js'
export { fittedPoint, fittedSteps } from './parts/fitted-steps.js'
export {
  codeSchedule,
  constantSchedule,
  cosineSchedule,
  paperSchedule,
  type Schedule,
  type StepSizes,
  stepAt,
} from './parts/schedules.js'
export {
  type Evaluation,
  type Iteration,
  type Outcome,
  type Problem,
  type Solution,
  type SolveOptions,
  solve,
  type Updater,
} from './parts/solve.js'
export { picard } from './picard.js'
export { type PlateauStepOptions, plateauStep } from './plateau-step.js'
