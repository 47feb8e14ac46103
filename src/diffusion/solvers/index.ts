/** One file for each solver, written out. Not a registry. */
import { bdia } from './bdia.js'
import { bdiaDpmSolver } from './bdia-dpm-solver.js'
import { bdiaEdm } from './bdia-edm.js'
import { ddim } from './ddim.js'
import { dpmSolver1 } from './dpm-solver-1.js'
import { dpmSolver2M } from './dpm-solver-2m.js'
import { dpmSolver2S } from './dpm-solver-2s.js'
import { dpmSolver3M } from './dpm-solver-3m.js'
import { edict } from './edict.js'
import { euler } from './euler.js'
import { flowEuler } from './flow-euler.js'
import { flowMidpoint } from './flow-midpoint.js'
import { heun } from './heun.js'
import { oBelm } from './o-belm.js'
import { rex } from './rex.js'

export {
  bdia,
  bdiaDpmSolver,
  bdiaEdm,
  ddim,
  dpmSolver1,
  dpmSolver2M,
  dpmSolver2S,
  dpmSolver3M,
  edict,
  euler,
  flowEuler,
  flowMidpoint,
  heun,
  oBelm,
  rex,
}

/** Solvers; the first is the default: what inversions are measured on, and exactly invertible given the image. */
export const solvers = [
  ddim,
  dpmSolver1,
  dpmSolver2M,
  dpmSolver3M,
  dpmSolver2S,
  euler,
  heun,
  bdia,
  bdiaEdm,
  bdiaDpmSolver,
  oBelm,
  edict,
  rex,
  flowEuler,
  flowMidpoint,
] as const
