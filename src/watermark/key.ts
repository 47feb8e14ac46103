/**
 * Key files: the secret of a mark with everything that it belongs to. Read as untrusted; a key that was changed is refused.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { parse } from '../core/define.js'
import { expected, gotText, type Hint, type UndiffuseError } from '../core/errors.js'
import { checkOptionNames, type OptionNames } from '../core/option-names.js'
import { allPieces, type Pieces } from '../core/progress.js'
import { checkText } from '../core/text.js'
import { formatShape, type Shape, sameShape, sizeOf, type Tensor } from '../math/tensor.js'
import { type Axis, axesOf, framesOf, type Layout, latentText, takes } from '../model/layout.js'
import { planesOf, sizeText } from '../pictures/planes.js'
import { watermarks } from './schemes/index.js'
import { type Secret, secretBytes, secretOf } from './secret.js'
import { checkSize, type Identification, positive, type Scheme, type Watermark } from './watermark.js'

/** What key files say that they are. */
export const keyFormat = 'undiffuse-watermark-key'
const version = 1
/** A new key is no remedy for a damaged one. */
const damagedRemedy = 'Restore the file from a backup: a new key does not find marks of the old one.'
const otherFileRemedy = 'Pass the file of a key.'
const familiesRemedy =
  'Families are of `tree-ring` with `rand` or `ring` in the centred mask, and of `ring-id`. `detectAll` says whether the mark is there.'
/** Of noise: a file that names more was not made for pictures. */
const mostNumbers = 2 ** 24

/** What may be told of a key. */
export interface KeyDescription {
  /** 16 hexadecimal digits that follow from everything in the file. */
  readonly id: string
  /** The scheme and its options, as `tree-ring:pattern=ring`. */
  readonly scheme: string
  /** The model whose noise is marked. */
  readonly model: string
  /** Of the model's weights, as `fingerprint` tells them. Absent of keys that were made without. */
  readonly modelFiles?: string
  readonly latentShape: Shape
  /** Of that shape: frames are among them where clips are marked. */
  readonly axes: readonly Axis[]
  /** Marks that it stands for, numbered from 0; 1 but for families. */
  readonly members: number
  /** Absent of a key that is the first one drawn, whatever it is. */
  readonly chosen?: Chosen
}

/** A key that was taken because it kept its rate on unmarked pictures. */
export interface Chosen {
  /** Keys that were drawn for it, itself among them. */
  readonly drawn: number
  /** Unmarked pictures that each of them was read in. */
  readonly pictures: number
}

/** A key that is ready: its marks, not its secret. */
export interface WatermarkKey extends KeyDescription {
  /** Bits of message that its marks carry. */
  readonly messageBits: number
  /** No picture has a smaller p-value. 0 where the mark sets no such bound that a rate comes near. */
  readonly smallestPValue: number
  /** Throws `bad-option` for an invalid member. Member 0 where nothing is said. */
  mark(member?: number): Watermark
  /** Which member is in a noise. Throws `unsupported` for schemes whose messages say who it is. */
  identify(noise: Tensor): Identification
  /** The same in pieces, with progress: a million members take seconds and more. */
  identifyInPieces(noise: Tensor): Pieces<Identification>
}

export interface NewKey {
  readonly scheme: string
  readonly model: string
  readonly modelFiles?: string | undefined
  readonly latentShape: Shape
  /** Default 1. */
  readonly members?: number | undefined
  readonly chosen?: Chosen | undefined
}

const names: OptionNames<NewKey> = {
  scheme: true,
  model: true,
  modelFiles: true,
  latentShape: true,
  members: true,
  chosen: true,
}
const newKeyRemedy =
  'Pass `{ scheme, model: model.name, latentShape: model.layout.latentShape(model.layout.picture) }`.'

/**
 * The text of a new key file, from 32 bytes of chance.
 *
 * JSON with format, version, id, scheme, model, latentShape, its axes, members and the secret, and where they are told
 * modelFiles and chosen. Throws `bad-option` for an unknown scheme, for a number of members that the scheme has no room
 * for, and for a secret of zeros, which anybody could guess. Throws `bad-shape` for noise that has no room for the mark.
 *
 * @example
 * const secret = crypto.getRandomValues(new Uint8Array(32))
 * const text = newKey({ scheme: 'tree-ring', model: 'undiffuse-scenes', latentShape: [4, 16, 16] }, secret)
 * readKey(text, 'key.json').members // 1
 */
export function newKey(asked: NewKey, secret: Uint8Array): string {
  checkOptionNames(asked, names, 'newKey')
  const { scheme, model, modelFiles, latentShape, members = 1, chosen } = asked
  for (const [name, value] of Object.entries({ scheme, model })) {
    if (value === undefined) throw expected('bad-option', 'text', `\`${name}\` of \`newKey\``, 'none', newKeyRemedy)
    checkText(name, value)
  }
  if (!Array.isArray(latentShape)) {
    throw expected('bad-option', 'a shape', '`latentShape` of `newKey`', 'none', newKeyRemedy)
  }
  const told = { ...(modelFiles !== undefined && { modelFiles }), ...(chosen && { chosen }) }
  const fields = { scheme, model, latentShape: [...latentShape], members, ...told }
  const key = secretOf(secret)
  if (secret.every((byte) => byte === 0)) {
    const remedy = 'Anybody could guess it. Pass `randomBytes(32)` of `node:crypto`.'
    throw expected('bad-option', `${secretBytes} random bytes`, 'a secret', 'zeros alone', remedy)
  }
  const { axes } = keyOf({ ...fields, id: idOf(fields, key) }, key)
  const { latentShape: shape, ...others } = fields
  const file = {
    format: keyFormat,
    version,
    id: idOf(fields, key),
    latentShape: shape,
    axes,
    ...others,
    secret: hex(secret),
  }
  return `${JSON.stringify(file, undefined, 2)}\n`
}

/**
 * The key in the text of a file; `name` is what messages call it.
 *
 * Throws `bad-option` for a file that is not a key, has another version, or was changed: its id no longer follows from the
 * rest. The secret is in no message, and in nothing that is returned.
 *
 * @example
 * const secret = crypto.getRandomValues(new Uint8Array(32))
 * readKey(newKey({ scheme: 'prc', model: 'm', latentShape: [4, 16, 16] }, secret), 'k').scheme // 'prc'
 */
export function readKey(text: string, name: string): WatermarkKey {
  checkKeyText(text, name)
  const subject = `\`${name}\``
  const bad = (got: string) =>
    expected('bad-option', 'a watermark key', subject, got, text.includes(keyFormat) ? damagedRemedy : otherFileRemedy)
  const file = parsed(text, bad)
  if (file.format !== keyFormat) throw bad('a file of another kind')
  if (file.version !== version) {
    const remedy = 'Read it with the version of undiffuse that made it.'
    const what = `a watermark key of version ${version}`
    throw expected('bad-option', what, subject, `version ${String(file.version)}`, remedy)
  }
  const { format: _, version: __, id, latentShape, axes, modelFiles, chosen, ...rest } = file
  const { scheme, model, members, secret, ...others } = rest
  const isShape = Array.isArray(latentShape) && latentShape.every((side) => Number.isSafeInteger(side) && side > 0)
  if (isShape && sizeOf(latentShape) > mostNumbers) throw bad(`one for noise of ${formatShape(latentShape)}`)
  const wrong = Object.entries({
    scheme: typeof scheme === 'string',
    model: typeof model === 'string',
    latentShape: isShape,
    axes: axes === undefined || !isShape || isAxesOf(latentShape, axes),
    members: Number.isSafeInteger(members),
    modelFiles: modelFiles === undefined || isHexOf(modelFiles, 8),
    chosen: chosen === undefined || isChosen(chosen),
    secret: isHexOf(secret, secretBytes),
  }).flatMap(([field, isRight]) => (isRight ? [] : [`\`${field}\``]))
  if (wrong.length > 0) throw bad(`one with ${wrong.join(', ')} missing or of another type`)
  const unknown = Object.keys(others).map((field) => JSON.stringify(field.slice(0, 60)))
  if (unknown.length > 0) throw bad(`one with fields that no key has: ${unknown.slice(0, 5).join(', ')}`)
  const key = secretOf(bytesOf(secret as string))
  const told = {
    ...(modelFiles !== undefined && { modelFiles: modelFiles as string }),
    ...(chosen !== undefined && { chosen: chosen as Chosen }),
  }
  const fields = {
    scheme: scheme as string,
    model: model as string,
    latentShape: latentShape as number[],
    members: members as number,
    ...told,
  }
  if (id !== idOf(fields, key)) throw bad('one that was changed: its id does not follow from the rest')
  return keyOf({ ...fields, id: id as string }, key)
}

/** A line without JSON that ends as names of files do. */
const isPath = (text: string): boolean => /^[^{}"\n]{0,4096}\.\w{1,8}$/.test(text)

/** Throws `bad-option` for a path, or for a text without a name: a program without types may pass one thing for another. */
function checkKeyText(text: unknown, name: unknown): void {
  const what = 'the text of a watermark key'
  const remedy = 'Read the file, and pass its text and its name: `readKey(text, name)`.'
  if (typeof text === 'string' && isPath(text)) {
    throw expected('bad-option', what, '`text`', `the path \`${text}\``, remedy)
  }
  // Bytes of Node's are read as text.
  if (typeof text !== 'string' && !ArrayBuffer.isView(text)) {
    throw expected('bad-option', what, '`text`', text === null ? 'null' : typeof text, remedy)
  }
  if (typeof name === 'string') return
  const naming = "Say what messages call the key: `readKey(text, 'key.json')`."
  throw expected('bad-option', 'the name of the key file', '`name`', gotText(name), naming)
}

const isHexOf = (value: unknown, bytes: number): boolean =>
  typeof value === 'string' && new RegExp(`^[0-9a-f]{${2 * bytes}}$`).test(value)

/** Keys that were made before do not name them. */
const isAxesOf = (latentShape: Shape, axes: unknown): boolean =>
  Array.isArray(axes) && JSON.stringify(axes) === JSON.stringify(axesOf(latentShape))

function isChosen(value: unknown): value is Chosen {
  if (typeof value !== 'object' || value === null) return false
  const { drawn, pictures, ...others } = value as Record<string, unknown>
  return [drawn, pictures].every((count) => Number.isSafeInteger(count) && (count as number) > 0) && isEmpty(others)
}

const isEmpty = (fields: object): boolean => Object.keys(fields).length === 0

/** What to do with a picture of another size. */
export const undoRemedy = 'A key marks pictures of one size: make one for this size, or undo what changed it.'

/** A model by its name and, where they are known, its weights: two names of the same weights are one model. */
export interface KeyModel {
  readonly model: string
  readonly modelFiles?: string | undefined
}

const keyModelNames: OptionNames<KeyModel> = { model: true, modelFiles: true }

/** Throws `bad-option` for anything but the name of a model, with or without its weights. */
function checkNamed(asked: KeyModel, what: string): void {
  checkOptionNames(asked, keyModelNames, what)
  const { model, modelFiles }: { readonly model: unknown; readonly modelFiles?: unknown } = asked
  if (typeof model !== 'string') {
    const isOpened = typeof model === 'object' && model !== null && 'name' in model
    const got = isOpened ? 'an opened model' : model === undefined ? 'none' : gotText(model)
    const remedy = isOpened ? 'Pass `model.name`.' : 'Pass `{ model: model.name, modelFiles }`.'
    throw expected('bad-option', 'the name of a model', `\`model\` of \`${what}\``, got, remedy)
  }
  if (modelFiles === undefined || typeof modelFiles === 'string') return
  const remedy = 'Pass the text that `modelFingerprint(folder)` of `undiffuse/node` resolves to, or leave it out.'
  throw expected('bad-option', 'text', `\`modelFiles\` of \`${what}\``, gotText(modelFiles), remedy)
}

/**
 * Whether the weights are known to be others than those that a key was made for. Throws `bad-option` for options that it
 * does not have, and for a model that is not a name.
 */
export function hasOtherWeights(key: KeyModel, other: KeyModel): boolean {
  checkNamed(other, 'hasOtherWeights')
  const { modelFiles = key.modelFiles } = other
  return key.modelFiles !== undefined && key.modelFiles !== modelFiles
}

/**
 * Throws `bad-option` where a key is not for this model, by its weights or by its name. So it does for options that it does
 * not have, and for a model that is not a name.
 *
 * @example checkKeyModel(key, { model: model.name })
 */
export function checkKeyModel(key: KeyDescription, other: KeyModel): void {
  checkNamed(other, 'checkKeyModel')
  checkModelOf(key, other)
}

function checkModelOf({ id, model, modelFiles }: KeyDescription, other: KeyModel): void {
  if (model === other.model || (modelFiles !== undefined && modelFiles === other.modelFiles)) return
  const remedy = `Pass the model that the key was made for, or make a key for \`${other.model}\`.`
  throw expected('bad-option', `a key of \`${other.model}\``, `key ${id}`, `one of \`${model}\``, remedy)
}

/**
 * Throws where a key is not for noise of this model and shape; `remedy` and `hint` are for another shape. With a layout the
 * sizes are told in pixels.
 */
export function checkKey(
  key: KeyDescription,
  other: KeyModel & { readonly latentShape: Shape; readonly layout?: Layout },
  remedy = 'A key marks noise of one size: make another key for this one.',
  hint?: Hint,
): void {
  checkModelOf(key, other)
  const { id, latentShape } = key
  if (sameShape(latentShape, other.latentShape)) return
  const { layout } = other
  if (!layout || !takes(layout, latentShape)) {
    const [wanted, got] = [latentShape, other.latentShape].map((shape) => `latents of ${latentText(shape)}`)
    const isOtherLayout = latentShape.length !== other.latentShape.length || latentShape[0] !== other.latentShape[0]
    const anew = 'They have another layout: make a key for this model.'
    throw expected('bad-shape', wanted!, `key ${id}`, got!, isOtherLayout ? anew : remedy)
  }
  throw otherSize(key, layout, layout.pictureShape(other.latentShape), remedy, hint)
}

/** The error of a picture of another size than a key's, both told in pixels. */
function otherSize({ id, latentShape, axes }: KeyDescription, layout: Layout, got: Shape, remedy: string, hint?: Hint) {
  const told = (picture: Shape) => {
    const frames = framesOf(layout, picture)
    return `${frames === undefined ? '' : `${frames} frames of `}${sizeText(planesOf(picture))} pixels`
  }
  const wanted = `${axes.includes('frames') ? 'clips' : 'pictures'} of ${told(layout.pictureShape(latentShape))}`
  return expected('bad-shape', wanted, `key ${id}`, told(got), remedy, { ...(hint && { hint }) })
}

/**
 * Throws where a picture, of any size, is not of the key's model and size; what may have been done to it says the remedy, in
 * words of code.
 */
export function checkKeyPicture(key: KeyDescription, picture: Shape, other: KeyModel, layout: Layout): void {
  checkModelOf(key, other)
  if (!takes(layout, key.latentShape)) return
  const wanted = layout.pictureShape(key.latentShape)
  if (sameShape(wanted.slice(1), picture.slice(1))) return
  const isSmaller = picture.every((side, i) => side <= wanted[i]!)
  const cut = isSmaller ? ', or `undo: [undoCrop()]` where it was cut out of a larger one' : ''
  const remedy = `${undoRemedy} Pass \`undo: [undoResize()]\` where it was resized${cut}.`
  throw otherSize(key, layout, picture, remedy, 'undo')
}

function parsed(text: string, bad: (got: string) => UndiffuseError): Readonly<Record<string, unknown>> {
  try {
    const file: unknown = JSON.parse(text)
    if (typeof file === 'object' && file !== null && !Array.isArray(file)) return file as Record<string, unknown>
  } catch {
    throw bad('invalid JSON')
  }
  throw bad('JSON that is not an object')
}

function keyOf(description: Omit<KeyDescription, 'axes'>, secret: Secret): WatermarkKey {
  const { scheme: specification, latentShape, members } = description
  const scheme: Scheme = parse(watermarks, specification)
  const most = scheme.members(latentShape)
  if (!Number.isSafeInteger(members) || members < 1 || members > most) {
    const what = most === 1 ? 'one member' : `1 to ${most} members`
    const remedy =
      most === 1
        ? 'This scheme has no families: say who it is in a message, or use `tree-ring:pattern=rand` or `ring-id`.'
        : 'Make several keys.'
    throw expected('bad-option', what, `\`${specification}\``, gotText(members), remedy)
  }
  const first = scheme.watermark(secret, latentShape, 0)
  function identifyInPieces(noise: Tensor): Pieces<Identification> {
    if (!scheme.identify) {
      const [remedy, options] =
        first.messageBits > 0
          ? ['`identifyAll` and `mark().read(noise)` tell its message.', {}]
          : [familiesRemedy, { hint: 'detect' as const }]
      const subject = `key ${description.id}`
      throw expected('unsupported', 'a family of keys', subject, `\`${specification}\``, remedy, options)
    }
    checkSize(noise, scheme.name)
    return scheme.identify(secret, latentShape, members, noise)
  }
  return {
    ...description,
    // Schemes take no other shapes.
    axes: axesOf(latentShape)!,
    messageBits: first.messageBits,
    smallestPValue: first.smallestPValue ?? 0,
    mark(member = 0) {
      if (Number.isSafeInteger(member) && member >= 0 && member < members) {
        return member === 0 ? first : scheme.watermark(secret, latentShape, member)
      }
      const alone = first.messageBits > 0 ? 'say who it is in a message' : 'make one of several members'
      const remedy = members === 1 ? `This key has no family: ${alone}.` : 'Members are numbered from 0.'
      throw expected(
        'bad-option',
        members === 1 ? 'the number 0, its only member,' : `a member from 0 to ${members - 1}`,
        `key ${description.id}`,
        gotText(member),
        remedy,
      )
    },
    identify: (noise) => positive(allPieces(identifyInPieces(noise))),
    identifyInPieces: function* (noise) {
      return positive(yield* identifyInPieces(noise))
    },
  }
}

const idOf = (fields: Omit<KeyDescription, 'id' | 'axes'>, secret: Secret): string => {
  const { scheme, model, latentShape, members, modelFiles = null, chosen } = fields
  const told = modelFiles === null && !chosen ? [] : [modelFiles, chosen ? [chosen.drawn, chosen.pictures] : null]
  const text = JSON.stringify([keyFormat, version, scheme, model, latentShape, members, ...told])
  return hex(secret.derive(utf8ToBytes(text)).bytes('id', 8))
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

const bytesOf = (digits: string): Uint8Array =>
  Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16))
