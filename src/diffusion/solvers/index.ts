/** One file for each solver, written out. Not a registry. */
import { bdia } from './bdia.js'
import { bdiaDpmSolver } from './bdia-dpm-solver.js'
import { bdiaEdm } from './bdia-edm.js'
import { ddim } from './ddim.js'
import { deis } from './deis.js'
import { dpmSolver1 } from './dpm-solver-1.js'
import { dpmSolver2M } from './dpm-solver-2m.js'
import { dpmSolver2S } from './dpm-solver-2s.js'
import { dpmSolver3M } from './dpm-solver-3m.js'
import { dpmSolver3S } from './dpm-solver-3s.js'
import { edict } from './edict.js'
import { euler } from './euler.js'
import { flowEuler } from './flow-euler.js'
import { flowHeun } from './flow-heun.js'
import { flowMidpoint } from './flow-midpoint.js'
import { heun } from './heun.js'
import { lms } from './lms.js'
import { oBelm } from './o-belm.js'
import { pndm } from './pndm.js'
import { rex } from './rex.js'
import { uniPc } from './uni-pc.js'

export {
  bdia,
  bdiaDpmSolver,
  bdiaEdm,
  ddim,
  deis,
  dpmSolver1,
  dpmSolver2M,
  dpmSolver2S,
  dpmSolver3M,
  dpmSolver3S,
  edict,
  euler,
  flowEuler,
  flowHeun,
  flowMidpoint,
  heun,
  lms,
  oBelm,
  pndm,
  rex,
  uniPc,
}

/** Solvers; the first is the default: what inversions are measured on, and exactly invertible given the latent. */
export const solvers = [
  ddim,
  dpmSolver1,
  dpmSolver2M,
  dpmSolver3M,
  dpmSolver2S,
  dpmSolver3S,
  uniPc,
  deis,
  pndm,
  lms,
  euler,
  heun,
  bdia,
  bdiaEdm,
  bdiaDpmSolver,
  oBelm,
  edict,
  rex,
  flowEuler,
  flowHeun,
  flowMidpoint,
] as const
