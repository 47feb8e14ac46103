/** Solvers of benchmarks, as a command line names them. */
import { type DiffusionModel, parse, type Solver, solvers, withOption } from 'undiffuse'

/** A model, and the solver that its scheduler names, for the steps that it was opened with. */
export interface SampledModel extends DiffusionModel {
  readonly schedulerSolver?: Solver
}

const ofScheduler = /^scheduler(?::steps=(\d+))?$/

/** Whether a specification is the solver that the model's scheduler names. */
export const namesScheduler = (specification: string): boolean => ofScheduler.test(specification)

/** The steps that a model has to be opened with for `scheduler:steps=20`; undefined for other solvers, which say their own. */
export function schedulerSteps(specification: string): number | undefined {
  const [, steps] = ofScheduler.exec(specification) ?? []
  return steps === undefined ? undefined : Number(steps)
}

/**
 * The solver of a specification on a model; `scheduler` is what the model's scheduler names. Throws `bad-option` as `parse` does.
 */
export const solverOn = ({ schedulerSolver }: SampledModel, specification: string): Solver =>
  schedulerSolver && namesScheduler(specification) ? schedulerSolver : parse(solvers, specification)

/** The solver of a specification with this many steps. Throws `bad-option` as `parse` does. */
export const makeSolver = (specification: string, steps: number): Solver =>
  parse(solvers, withOption(specification, `steps=${steps}`))
