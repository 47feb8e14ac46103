/** Operations and what they are made of. Published as `undiffuse/operations`. */
export {
  type Named,
  type OperationField,
  type OperationFields,
  readSetting,
  readSettings,
  type Settings,
  setting,
} from './fields.js'
export type * from './host.js'
export { invertOperation } from './invert.js'
export type { LatentInversionReport } from './inverting/to-latent.js'
export type { NoiseInversionReport } from './inverting/to-noise.js'
export { type ModelSource, modelsOn, precisionOf } from './models.js'
export { type Finished, type Note, type Operation, operation, type Running, type Told } from './operation.js'
export * from './reports/labels.js'
export type { CostReport, FloorNumbers, LatentReport, NoiseNumbers } from './reports/numbers.js'
