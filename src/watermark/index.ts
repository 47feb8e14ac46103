/**
 * Marks in the noise of pictures: keys, schemes, reading them, forging them. Published as `undiffuse/watermark`.
 *
 * @module undiffuse/watermark
 */
export { applyPattern, averagePattern } from './forging/averaging.js'
export { type Imprinted, type ImprintOptions, imprintNoise } from './forging/imprint.js'
export {
  type Chosen,
  checkKey,
  checkKeyModel,
  hasOtherWeights,
  type KeyDescription,
  type KeyModel,
  type NewKey,
  newKey,
  readKey,
  undoRemedy,
  type WatermarkKey,
} from './key.js'
export {
  type CalibratedPValue,
  type Calibration,
  calibratedPValue,
  calibrationPictures,
} from './reading/calibration.js'
export type { Sampler } from './reading/candidates.js'
export { type ChooseKeyOptions, type ChosenKey, chooseKey } from './reading/choose-key.js'
export {
  type AskedKey,
  type Basis,
  type Detection,
  type DetectOptions,
  defaultFalsePositiveRate,
  detectAll,
  type Finding,
  findingsIn,
  marksAsked,
  type ReadOptions,
  type Undecided,
  type Verdict,
} from './reading/detect.js'
export {
  type Identified,
  type IdentifyOptions,
  identifyAll,
  type MessageIdentification,
  type Who,
} from './reading/identify.js'
export { type KeyRate, type KeyRateOptions, keepsRate, keyRates, nominalRates } from './reading/key-rate.js'
export { type NearestMessage, nearestMessage } from './reading/nearest-message.js'
export { expectedPower, type Power, type PowerOptions } from './reading/power.js'
export {
  type DistanceReading,
  gaussianShading,
  type Identification,
  prc,
  type Reading,
  ringId,
  type Scheme,
  type Secret,
  type SpectralMask,
  secretBytes,
  secretOf,
  spectrumMagnitude,
  treeRing,
  type Validity,
  type Watermark,
  zeroMessage,
} from './schemes/index.js'
export {
  centredDisc,
  imprintReleased,
  type ReleasedKey,
  readReleased,
  releasedDisc,
  releasedDistance,
} from './schemes/parts/released-tree-ring.js'
