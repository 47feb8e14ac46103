/** The mask of an edit: read as it was drawn, judged, and checked in what is written. */
import { expected } from '../../core/errors.js'
import { plural } from '../../core/plural.js'
import { checkMask } from '../../edit/masks/mask.js'
import { map, type Tensor, tensor } from '../../math/tensor.js'
import { type Likeness, likenessOutside } from '../../pictures/masked.js'
import { sizeText } from '../../pictures/planes.js'
import { setting } from '../fields.js'
import { lastName } from '../files/paths.js'
import type { MeasuredPicture, NamedPicture } from '../files/pictures.js'
import type { HostPictures } from '../host.js'

interface NotedMask {
  readonly mask: Tensor
  readonly notes: readonly string[]
  /** So much of it is grey. */
  readonly grey: number
  /** More of it than soft edges. */
  readonly isGrey: boolean
}

/** Lightness from a tenth to nine tenths is grey. */
const greyRange = 0.4
/** So much of a mask may be the soft edges of what was drawn; what has more than the second is a picture of something. */
const [edgesShare, mostGrey] = [0.02, 0.5]
const greyText = (share: number) => `${(100 * share).toFixed(0)} % of it is grey`
const greyNote = (share: number) => `${greyText(share)}: 128 or more of 255 counts as white, the rest as black.`

const overThePicture = 'Draw it over the picture itself.'
const overTheShown =
  'The picture was turned upright as its EXIF orientation says: draw the mask over it as it is shown.'

/** A mask as it was drawn. Throws where it is not of the picture's size, is mostly grey, or has no white, or no black that a lock could keep. */
export async function readMask(
  path: string,
  { size }: MeasuredPicture,
  locks: boolean | undefined,
  pictures: HostPictures,
) {
  const [wanted, got] = [size, await pictures.measure(path)].map(sizeText)
  if (wanted !== got) {
    const remedy = size.turned ? overTheShown : overThePicture
    throw expected('bad-shape', `a mask of ${wanted}`, `\`${lastName(path)}\``, got!, remedy)
  }
  // What is transparent is not painted, and outside.
  const drawn = { path, ...(await pictures.read(path, { background: 'black' })) }
  const { mask, grey } = maskOf(drawn)
  if (grey > mostGrey) {
    const remedy = 'Paint white where the edit goes, and black over what is to be kept.'
    throw expected('bad-option', 'a mask in black and white', setting('mask'), `a picture: ${greyText(grey)}`, remedy)
  }
  checkMask(mask, drawn.image.shape, setting('mask'))
  if (locks) checkOutside(mask, 'one without', 'Draw what is to be kept in black, or leave the lock out.')
  return drawn
}

/** White is 1. */
export function maskOf({ image: { shape, data }, notes }: NamedPicture): NotedMask {
  const area = data.length / 3
  const lightness = (i: number) => (data[i]! + data[i + area]! + data[i + 2 * area]!) / 6 + 0.5
  const inside = Float64Array.from({ length: area }, (_, i) => (lightness(i) > 0.5 ? 1 : 0))
  const grey = inside.filter((_, i) => Math.abs(lightness(i) - 0.5) < greyRange).length / area
  const isGrey = grey > edgesShare
  return {
    mask: tensor([1, ...shape.slice(1)], inside),
    notes: isGrey ? [...notes, greyNote(grey)] : notes,
    grey,
    isGrey,
  }
}

export const coverOf = ({ data }: Tensor): 'part' | 'everything' | 'nothing' =>
  !data.includes(0) ? 'everything' : !data.includes(1) ? 'nothing' : 'part'

/** What is known of an edit when its mask is judged. */
interface EditCase {
  readonly given: Tensor | undefined
  /** Whether the model made the picture, as far as it can be seen. */
  readonly isOwn: boolean
  /** Whether it was said that the model does not know such pictures: no mask mends that. */
  readonly isUnknown: boolean
  /** Whether guidance goes from the source's prompt already. */
  readonly guidesFromSource: boolean
  /** What kind of words alone changes, where the model tells kinds. */
  readonly change: string | undefined
}

/** Some textures stay under guidance that is the same both ways: the picture's noise holds them. */
export const oldTextureRemedy = `Where the old texture stays, add ${setting('method', 'exact-blending:guideFrom=source')} and ${setting('guidance', '5')}.`

const drawing = `pass it as ${setting('mask')}`
const drawnOfAThing = `Draw what may change, the old and the new place of a thing that moves, and ${drawing}.`
const drawnOfABackground = `Draw the background white and the thing black, and ${drawing}.`
const drawnOf: Readonly<Record<string, string>> = {
  places: `Draw the old and the new place of the thing, and ${drawing}.`,
  colours: `Draw the thing white and the rest black, and ${drawing}.`,
  sizes: `Draw the larger of both sizes of the thing, and ${drawing}.`,
  textures: drawnOfABackground,
  backgrounds: drawnOfABackground,
}

export function remedyOf({ given, isOwn, isUnknown, guidesFromSource, change = '' }: EditCase): string {
  if (given) return 'Grow it less, with a smaller `dilation`.'
  const stays = change === 'textures' && !guidesFromSource ? ` ${oldTextureRemedy}` : ''
  const drawn = `${drawnOf[change] ?? drawnOfAThing}${stays}`
  return isOwn || isUnknown || guidesFromSource
    ? drawn
    : `${drawn} For a picture that this model did not make, try \`guideFrom=source\`.`
}

/** How much of a picture is inside. */
export const shareOf = ({ data }: Tensor): number => data.filter((value) => value > 0.5).length / data.length

/** A found mask that is larger holds more than the thing that changes. */
const mostOfAThing = 0.5

/** `72 % of the picture`. */
export const percentOf = (mask: Tensor): string => `${(100 * shareOf(mask)).toFixed(0)} % of the picture`

/** Whether a found mask holds more than a thing, and not all. */
export const isWide = (mask: Tensor): boolean => coverOf(mask) === 'part' && shareOf(mask) > mostOfAThing

/** A mask of everything leaves no background to lock, where that is asked for. */
export function checkOutside(mask: Tensor, got: string, remedy: string): void {
  if (coverOf(mask) !== 'everything') return
  throw expected('bad-option', 'a mask with a black part', setting('lockBackground'), got, remedy)
}

/** What is odd about the mask that was used, found or given and grown. */
export function oddities(mask: Tensor, known: EditCase): readonly string[] {
  const { given, isUnknown } = known
  const covers = coverOf(mask)
  const isDrawnSo = given && coverOf(given) === 'everything'
  // Another mask mends no picture that the model does not know; one that grew too far can grow less.
  const isNoHelp = isDrawnSo || (isUnknown && !given)
  const remedy = isNoHelp ? '' : ` ${remedyOf(known)}`
  if (covers === 'nothing') return [`Nothing to change was found: what is written shows the source.${remedy}`]
  if (covers === 'part') return !given && isWide(mask) ? [`The mask covers ${percentOf(mask)}.${remedy}`] : []
  return [`The mask covers the whole picture: nothing of the source is kept.${remedy}`]
}

/**
 * What a file holds, decoded again, against the source outside the mask. Throws `runtime-failed` where an 8-bit value is
 * further from the source's than the bound.
 */
export async function checkedBackground(
  png: Uint8Array,
  { source, mask, boundLevels }: { readonly source: Tensor; readonly mask: Tensor; readonly boundLevels: number },
  pictures: Pick<HostPictures, 'decode'>,
): Promise<Likeness | undefined> {
  const { image } = await pictures.decode(png, 'the edited picture', { background: 'kept' })
  const outside = likenessOutside(mask, image, source)
  if (!outside || outside.largestLevels <= boundLevels) return outside
  throw expected(
    'runtime-failed',
    `pixels within ${plural(boundLevels, 'level')} of the source outside the mask`,
    setting('lockBackground'),
    `a difference of ${outside.largestLevels}`,
    'This is a defect; nothing was written. Please report it with the picture.',
  )
}

/** What notes on a mask are about. */
export const ofMask = 'the mask'

export const asPicture = (mask: Tensor): Tensor => map(mask, (value) => 2 * value - 1)
