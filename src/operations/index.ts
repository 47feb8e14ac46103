/**
 * Operations, and what they are made of. Published as `undiffuse/operations`.
 *
 * @module undiffuse/operations
 */

export { nearest } from '../core/nearest.js'
export { type AttackReport, attackOperation } from './attack.js'
export { type ComparisonReport, compareOperation } from './compare.js'
export { type ComparisonRow, walkedSolver } from './comparing/reports.js'
export { type EditReport, editOperation } from './edit.js'
export {
  type Named,
  type OperationField,
  type OperationFields,
  readSetting,
  readSettings,
  type Settings,
  setting,
} from './fields.js'
export { float32Tensor, float32Text } from './files/float32-text.js'
export type { KeyReport } from './files/keys.js'
export { type NamedFiles, prepareOutputs } from './files/outputs.js'
export { type GenerationReport, generateOperation } from './generate.js'
export type * from './host.js'
export { standardStream } from './host.js'
export { invertOperation } from './invert.js'
export type { LatentInversionReport } from './inverting/to-latent.js'
export type { NoiseInversionReport } from './inverting/to-noise.js'
export { type ModelSource, modelsOn, precisionOf } from './models.js'
export {
  type AnyOperation,
  type Finished,
  type Operation,
  operation,
  type Parts,
  type Running,
  type Told,
} from './operation.js'
export { defaultProfile, makeProfile, type ProfileRequest } from './recipes/profile.js'
export { undoField, undoNothing, undoOf } from './recipes/recovery.js'
export { type BackgroundReport, backgroundText } from './reports/background.js'
export { sheetText, verdictText } from './reports/detection-sheet.js'
export * from './reports/labels.js'
export type { CostReport, FloorNumbers, LatentReport, NoiseNumbers } from './reports/numbers.js'
export { type RoundTripReport, roundTripOperation } from './round-trip.js'
export type { EarlierLines, FailedLine } from './runs/lines.js'
export { type CalibrationReport, calibrateOperation } from './watermark-calibrate.js'
export { type DetectionLine, type DetectionReport, detectOperation } from './watermark-detect.js'
export {
  type IdentificationLine,
  type IdentificationReport,
  identifyOperation,
  smallestPValue,
} from './watermark-identify.js'
export { type KeygenReport, keygenOperation } from './watermark-keygen.js'
