/** Operator → kernel; those of other domains stand under `domain.operator`. Adding one is an entry in a family's file. */
import type { Kernel } from './array.js'
import { constants } from './constant.js'
import { convolutions } from './convolution.js'
import { elementwise } from './elementwise.js'
import { gathers } from './gather.js'
import { matrixProducts } from './matrix-products.js'
import { normalizations } from './normalization.js'
import { pooling } from './pooling.js'
import { randoms } from './random.js'
import { reductions } from './reduction.js'
import { resizing } from './resize.js'
import { selections } from './selection.js'
import { shapes } from './shape.js'

export const kernels: ReadonlyMap<string, Kernel> = new Map(
  [
    elementwise,
    matrixProducts,
    convolutions,
    normalizations,
    reductions,
    pooling,
    resizing,
    shapes,
    gathers,
    selections,
    constants,
    randoms,
  ].flatMap((family) => Object.entries(family)),
)
