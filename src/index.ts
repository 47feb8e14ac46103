/**
 * The public surface: an explicit list. Runtimes and files come from `undiffuse/node`.
 *
 * @module undiffuse
 */

export * from './attacks/index.js'
export {
  type Autoencoder,
  accelerated,
  automaticDecoder,
  type DecoderInverter,
  type ExpectedErrors,
  encoderOnly,
  gradient,
  gradientFree,
  type LatentSolution,
  measureProfile,
  type Profile,
  type ProfileOptions,
  type Pullback,
  type RoundTrip,
  rehearsed,
  roundingNorm,
  roundingVariance,
  type Why,
} from './autoencoder/index.js'
export {
  attacks,
  decoderInverters,
  edits,
  guidedInverters,
  inverters,
  refiners,
  restorations,
  solvers,
  watermarks,
} from './catalog.js'
export type { BlockBits } from './checkpoints/blocks.js'
export { fingerprint, profileName } from './checkpoints/fingerprint.js'
export { encodeNpy, type NpyType, readNpy } from './checkpoints/npy.js'
export { encodeSafetensors, readSafetensorsHeader } from './checkpoints/safetensors.js'
export { readTensors, safetensor, tensorFromBytes, tensorToBytes } from './checkpoints/tensors.js'
export { type BatchRun, type Coalescer, coalescer, type Member } from './core/coalesce.js'
export { type Defined, type Definition, define, parse, withOption } from './core/define.js'
export {
  type ErrorCode,
  type ErrorParts,
  errorTable,
  expected,
  type Hint,
  isUndiffuseError,
  UndiffuseError,
} from './core/errors.js'
export { describeField, type Field } from './core/fields.js'
export { allPieces, type Pieces, type Progress, type Signal, type Steps } from './core/progress.js'
export { relay } from './core/relay.js'
export { Task } from './core/task.js'
export { type Meeting, together } from './core/together.js'
export {
  type EmbeddedDenoiser,
  type EmbeddedDiffusion,
  type GuidedInversion,
  type GuidedInverter,
  negativePrompt,
  nullText,
  withEmbeddings,
} from './diffusion/guided-editing/index.js'
export {
  type BetaKind,
  type BetaOptions,
  bdia,
  bdiaDpmSolver,
  bdiaEdm,
  betaKinds,
  betas,
  type Coefficients,
  type Denoiser,
  type DenoiserPullback,
  type DenoiserPushforward,
  type Diffusion,
  ddim,
  deis,
  denoiser,
  denoiserPullback,
  denoiserPushforward,
  dpmSolver1,
  dpmSolver2M,
  dpmSolver2S,
  dpmSolver3M,
  dpmSolver3S,
  edict,
  edmSchedule,
  endingWithNoise,
  euler,
  firstOrderMove,
  firstOrderStep,
  flowEuler,
  flowHeun,
  flowMidpoint,
  type Grid,
  type GridOptions,
  gridOf,
  guided,
  guidedPullback,
  guidedPushforward,
  heun,
  type Inverter,
  inBfloat16,
  isLinearizable,
  type LinearizedSampler,
  linearized,
  lms,
  type MultistepOptions,
  multistep,
  type Network,
  type NetworkPullback,
  type NetworkPushforward,
  type NoiseLevel,
  noiseLevel,
  noiseOf,
  oBelm,
  type Prediction,
  pndm,
  predictions,
  type RootCheck,
  rectifiedFlow,
  rex,
  roundingDb,
  type Schedule as NoiseSchedule,
  type Solver,
  type State,
  type StepInversion,
  sample,
  type Trajectory,
  uniPc,
  variancePreserving,
  whyNotUndone,
} from './diffusion/index.js'
export {
  algorithm1,
  algorithm2,
  automatic,
  branching,
  implicit,
  naive,
  reversible,
  sweep,
} from './diffusion/inverters/index.js'
export * from './edit/index.js'
export * from './graph/index.js'
export * from './iterations/index.js'
export { binomialInterval, binomialTail, kolmogorovSmirnov } from './math/distributions.js'
export { type Eigen, symmetricEigen } from './math/eigen.js'
export { nmseDb } from './math/nmse.js'
export { type TorchGenerator, torchGenerator, torchNoise } from './math/noise.js'
export {
  confidenceInterval,
  fitLine,
  type Interval,
  type Line,
  mean,
  median,
  quantile,
  variance,
  wilsonInterval,
} from './math/statistics.js'
export * from './math/tensor.js'
export {
  type Answer,
  type Answerers,
  type Ask,
  type Axis,
  autoencoderOf,
  type Condition,
  type Counts,
  checkRoom,
  coalesced,
  counted,
  type DiffusionModel,
  type Door,
  denoiserOf,
  doorOf,
  type Estimating,
  type Extent,
  type Guidance,
  type GuidanceWeights,
  type Guided,
  type Guiding,
  type Kind,
  type Layout,
  latentText,
  type Model,
  pictureOf,
  type Questions,
  remembered,
  type ScaledLayout,
  type Sides,
  scaledLayout,
  sidesOf,
  strangeWords,
  takes,
  type Vocabulary,
  withValue,
} from './model/index.js'
export { autoencoderGraph, type GraphKind, type Precision } from './models/autoencoder/graphs.js'
export type { AutoencoderNetworks, GraphSize } from './models/autoencoder/networks.js'
export { type AutoencoderOptions, type OpenAutoencoder, openAutoencoder } from './models/autoencoder/sessions.js'
export type { DenoisingPrecision } from './models/denoiser/graphs.js'
export { type DiffusionModelOptions, type OpenDiffusionModel, openDiffusionModel } from './models/diffusion-model.js'
export { autoencoderShapes, families, pipelineShapes } from './models/families/index.js'
export type { Family, Pipeline, PipelineSource } from './models/family.js'
export { openAutoencoderNetworks, openNetwork } from './models/open.js'
export { autoencoderFingerprint, checkProfile, parseProfile, profileText } from './models/profile-file.js'
export { type RandomNetwork, randomAutoencoder } from './models/random/weights.js'
export { byteCharacters } from './models/text/byte-characters.js'
export { parseVocabulary, vocabularyText } from './models/vocabulary-file.js'
export type { AutoencoderKlConfig } from './nn/autoencoder-kl.js'
export * as autoencoderKl from './nn/autoencoder-kl.js'
export type { ClipTextConfig } from './nn/clip-text.js'
export * as clipText from './nn/clip-text.js'
export * as layers from './nn/layers.js'
export { inputParameters, type Parameters } from './nn/parameters.js'
export type { Sd3TransformerConfig } from './nn/sd3-transformer.js'
export * as sd3Transformer from './nn/sd3-transformer.js'
export type { Unet2dConditionConfig } from './nn/unet-2d-condition.js'
export * as unet2dCondition from './nn/unet-2d-condition.js'
export { deadLeaves } from './pictures/dead-leaves.js'
export { type Fit, type Fitted, fitToMultiple } from './pictures/fit.js'
export { type Likeness, likenessOutside } from './pictures/masked.js'
export { errorMap, psnrDb, resize, round8 } from './pictures/pixels.js'
export { ssimMap } from './pictures/ssim.js'
export * from './restorations/index.js'
export {
  autoencoderEvaluations,
  type DenoiserEvaluations,
  type Evaluations,
  type VerbEvaluations,
} from './verbs/evaluations.js'
export { type GenerateOptions, type Generation, generate, latentShapeAt } from './verbs/generate.js'
export {
  type Exactness,
  type InversionSource,
  type InvertAllOptions,
  type InvertedStep,
  type InvertOptions,
  invert,
  invertAll,
  type NoiseInversion,
  type PromptedSource,
  type Refinement,
} from './verbs/invert.js'
export {
  type InvertDecoderAllOptions,
  type InvertDecoderOptions,
  invertDecoder,
  invertDecoderAll,
  type LatentInversion,
} from './verbs/invert-decoder.js'
export { mostProbable, type NoiseProblem, type NoiseRefiner, type RefinedNoise } from './verbs/most-probable.js'
export {
  type FloorProbes,
  type PictureFloor,
  type PictureFloorOptions,
  pictureFloor,
} from './verbs/picture-floor.js'
export { type Match, type Reconstruction, type ReconstructOptions, reconstruct } from './verbs/reconstruct.js'
export { promptedDenoiser, type Sampled, type Sampling } from './verbs/sampling.js'
export { sideBySide, stepsOf } from './verbs/side-by-side.js'
export * from './watermark/index.js'
