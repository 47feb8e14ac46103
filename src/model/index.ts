/** The contract of a model: one door, a condition as a value, a layout with named axes; and what stands before the door. */
export { coalesced } from './coalesced.js'
export { type Condition, withValue } from './condition.js'
export { type Counts, counted } from './counted.js'
export { type Guidance, type GuidanceWeights, type Guided, type Guiding, questionsOf } from './guidance.js'
export {
  type Axis,
  type Extent,
  type Layout,
  latentText,
  pictureOf,
  type ScaledLayout,
  type Sides,
  scaledLayout,
  sidesOf,
  takes,
} from './layout.js'
export { checkRoom } from './memory.js'
export type { DiffusionModel, Model } from './model.js'
export {
  type Answer,
  type Answerers,
  type Ask,
  type Door,
  doorOf,
  type Estimating,
  type Kind,
  type Questions,
  unanswered,
} from './questions.js'
export { remembered } from './remembered.js'
export { autoencoderOf, denoiserOf } from './views.js'
export { strangeWords, type Vocabulary } from './vocabulary.js'
