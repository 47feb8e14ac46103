/** What every method here is described, driven and reported with. */
export { type Defined, type Definition, define, type Factory, type Made, parse } from './define.js'
export * from './errors.js'
export {
  type BooleanField,
  type ChoiceField,
  describeField,
  type Field,
  type Fields,
  type GivenOptions,
  type IntegerField,
  type NumberField,
  type Options,
  type OptionValue,
  type StringField,
} from './fields.js'
export { allPieces, type Pieces, type Progress, type Signal, type Steps } from './progress.js'
export { Task } from './task.js'
