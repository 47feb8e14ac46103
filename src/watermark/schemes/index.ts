/** One file for each way to mark noise, written out. Not a registry. */
import { gaussianShading } from './gaussian-shading.js'
import { prc } from './prc.js'
import { ringId } from './ring-id.js'
import { treeRing } from './tree-ring.js'

export { type Secret, secretBytes, secretOf } from '../secret.js'
export type {
  DistanceReading,
  Identification,
  Reading,
  Scheme,
  SpectralMask,
  Validity,
  Watermark,
} from '../watermark.js'
export { zeroMessage } from '../watermark.js'
export { spectrumMagnitude } from './parts/spectrum.js'
export { gaussianShading, prc, ringId, treeRing }

/** Ways to mark noise; the first is the default. */
export const watermarks = [treeRing, ringId, gaussianShading, prc] as const
