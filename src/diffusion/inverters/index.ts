/** One file for each inverter, written out. Not a registry. */
import { algorithm1 } from './algorithm-1.js'
import { algorithm2 } from './algorithm-2.js'
import { automatic } from './automatic.js'
import { branching } from './branching.js'
import { implicit } from './implicit.js'
import { naive } from './naive.js'
import { reversible } from './reversible.js'
import { sweep } from './sweep.js'

export { algorithm1, algorithm2, automatic, branching, implicit, naive, reversible, sweep }

/** Inverters; the first is the default. */
export const inverters = [automatic, implicit, branching, sweep, reversible, naive, algorithm1, algorithm2] as const
