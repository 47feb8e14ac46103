/** The pictures that settings name: read, checked to be of one size, and fitted to what a model takes. */

import { expected } from '../../core/errors.js'
import { plural } from '../../core/plural.js'
import type { Signal } from '../../core/progress.js'
import type { Tensor } from '../../math/tensor.js'
import { largeSize, pictureOf } from '../../model/layout.js'
import { checkRoom } from '../../model/memory.js'
import type { Model } from '../../model/model.js'
import type { Kind } from '../../model/questions.js'
import { type Fit, type Fitted, fitToMultiple, fittedSides, type TakenSides } from '../../pictures/fit.js'
import { planesOf, sizeText } from '../../pictures/planes.js'
import type { PictureSize } from '../../restorations/index.js'
import { setting } from '../fields.js'
import type { Host, MeasuredSize, Note, ReadPictureOptions } from '../host.js'
import { noted, type Told } from '../operation.js'
import { readFrames } from './clips.js'
import { isPictureFile, lastName } from './paths.js'

/** A picture or a clip whose header was read, and nothing else. */
export interface MeasuredPicture {
  readonly path: string
  readonly size: MeasuredSize
  /** The files of a clip's frames, or its own. */
  readonly frames?: { readonly count: number; readonly paths: readonly string[] }
}

export interface NamedPicture {
  readonly path: string
  readonly image: Tensor
  /** What reading changed, as sentences for people. */
  readonly notes: readonly string[]
  readonly texts?: Readonly<Record<string, string>>
  readonly bits?: 16
  readonly metadata?: readonly string[]
  readonly credits?: { readonly Author?: string; readonly Copyright?: string }
}

export interface ListedPictures {
  readonly paths: readonly string[]
  /** What was left out of folders. */
  readonly notes: readonly Note[]
  /** The same by what was named. */
  readonly sources: readonly NamedSource[]
}

/** What was named, and the pictures that it stands for. */
export interface NamedSource {
  readonly path: string
  readonly pictures: readonly string[]
}

type Lister = Pick<Host, 'files' | 'pictures'>

/**
 * A folder stands for the pictures in it, `picture2` before `picture10`, without the contact sheets that operations wrote
 * there. Any other path stands for itself. Throws `bad-image` for a folder without pictures.
 */
export async function picturesIn(path: string, { files, pictures }: Lister): Promise<ListedPictures> {
  if (!(await files.isFolder(path))) return { paths: [path], notes: [], sources: [{ path, pictures: [path] }] }
  const listed = (await files.list(path)) ?? []
  const names = listed.filter(isPictureFile)
  const others = listed.filter((name) => !isPictureFile(name))
  const isInner = await Promise.all(others.map((name) => files.isFolder(files.join(path, name))))
  const inner = isInner.filter(Boolean).length
  const noPictures = others.filter((name, i) => !isInner[i] && !isUnseen(name))
  const paths: string[] = []
  for (const name of names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))) {
    const file = files.join(path, name)
    if (!(await pictures.isSheet(file))) paths.push(file)
  }
  const sheets = names.length - paths.length
  if (paths.length === 0) {
    const got = sheets > 0 ? 'a folder of contact sheets' : 'a folder without pictures'
    throw expected('bad-image', 'a picture or a folder of pictures', `\`${path}\``, got, 'Check the path.')
  }
  const texts = [
    ...(sheets > 0 ? [`Left out ${plural(sheets, 'contact sheet')} in \`${path}\`; name one to read it.`] : []),
    ...(inner > 0 ? [`Left out ${plural(inner, 'folder')} in \`${path}\`; name it to read its pictures.`] : []),
    ...(noPictures.length > 0 ? [noPictureText(path, noPictures)] : []),
  ]
  return { paths, notes: texts.map((text) => ({ about: path, text })), sources: [{ path, pictures: paths }] }
}

/** What people did not put there: files that a system hides, and those of runs under way. */
const isUnseen = (name: string): boolean => /^\.|\.(?:part|lock)$/.test(name)

/** More names in a note are not read. */
const mostNamed = 3

function noPictureText(path: string, names: readonly string[]): string {
  const shown = names.slice(0, mostNamed).map((name) => `\`${name}\``)
  const more = names.length > mostNamed ? `, and ${names.length - mostNamed} more` : ''
  const what = names.length === 1 ? '1 file that is not a picture' : `${names.length} files that are not pictures`
  return `Left out ${what} in \`${path}\`: ${shown.join(', ')}${more}.`
}

/** The files that are named: pictures, and those in folders. */
export async function listPictures(paths: readonly string[], host: Lister): Promise<ListedPictures> {
  const listed = await Promise.all(paths.map((path) => picturesIn(path, host)))
  return {
    paths: listed.flatMap((one) => one.paths),
    notes: listed.flatMap(({ notes }) => notes),
    sources: listed.flatMap(({ sources }) => sources),
  }
}

export const measurePicture = async (path: string, { pictures }: Pick<Host, 'pictures'>): Promise<MeasuredPicture> => ({
  path,
  size: await pictures.measure(path),
})

/** The sizes of pictures that are inverted together. Throws `bad-image` as the host does, `bad-shape` when they differ. */
export async function measurePictures(
  paths: readonly string[],
  host: Lister,
  signal: Signal | undefined,
): Promise<readonly MeasuredPicture[]> {
  const measured: MeasuredPicture[] = []
  for (const path of paths) {
    signal?.throwIfAborted()
    const picture = await measurePicture(path, host)
    const [wanted, got] = [measured[0] ?? picture, picture].map(({ size }) => sizeText(size))
    if (got !== wanted) {
      const remedy = 'Take pictures of different sizes one at a time.'
      throw expected('bad-shape', `pictures of ${wanted}, as the first is,`, `\`${lastName(path)}\``, got!, remedy)
    }
    measured.push(picture)
  }
  return measured
}

/**
 * What was named as this model takes it: pictures, or clips where it has frames. A folder is then one clip, and its pictures
 * are the frames in their order. Throws as `measurePictures`.
 */
export async function measureSources(
  { paths, sources }: ListedPictures,
  { layout }: Pick<Model, 'layout'>,
  host: Lister,
  signal: Signal | undefined,
): Promise<readonly MeasuredPicture[]> {
  if (!layout.axes.includes('frames')) return await measurePictures(paths, host, signal)
  const measured: MeasuredPicture[] = []
  for (const source of sources) measured.push(await measureClip(source, host, signal))
  checkSameSize(measured)
  return measured
}

/** A clip's file, or the pictures of its frames. Throws as `measurePictures`. */
export async function measureClip(
  { path, pictures }: NamedSource,
  host: Lister,
  signal: Signal | undefined,
): Promise<MeasuredPicture> {
  if (pictures[0] === path) {
    const { frames, ...size } = await host.pictures.clips.measure(path)
    return { path, size, frames: { count: frames, paths: pictures } }
  }
  const [first] = await measurePictures(pictures, host, signal)
  return { path, size: first!.size, frames: { count: pictures.length, paths: pictures } }
}

function checkSameSize(measured: readonly MeasuredPicture[]): void {
  const textOf = ({ size, frames }: MeasuredPicture) => extentText({ size, frames: frames?.count })
  for (const one of measured) {
    const [wanted, got] = [measured[0]!, one].map(textOf)
    if (got === wanted) continue
    const remedy = 'Invert those of different sizes one at a time.'
    throw expected('bad-shape', `clips of ${wanted}, as the first is,`, `\`${lastName(one.path)}\``, got!, remedy)
  }
}

export const readPicture = async (
  path: string,
  { pictures }: Pick<Host, 'pictures'>,
  options?: ReadPictureOptions,
): Promise<NamedPicture> => ({ path, ...(await pictures.read(path, options)) })

const stillNote = 'A still picture: it was taken as a clip of one frame.'

/** Reads pictures that were measured. Throws `bad-image` as the host does. */
export async function readPictures(
  measured: readonly MeasuredPicture[],
  host: Lister,
  signal: Signal | undefined,
): Promise<readonly NamedPicture[]> {
  const read: NamedPicture[] = []
  for (const one of measured) {
    signal?.throwIfAborted()
    read.push(await readMeasured(one, host))
  }
  return read
}

/** A picture or a clip. Throws `bad-image` as the host does. */
export async function readMeasured({ path, frames }: MeasuredPicture, host: Lister): Promise<NamedPicture> {
  if (!frames) return await readPicture(path, host)
  const { image, notes } = await readFrames(path, frames.paths, host)
  return { path, image, notes: frames.count === 1 ? [...notes, stillNote] : notes }
}

/** The size of a picture, and of a clip how many frames it has. */
export const extentText = ({
  size,
  frames,
}: Pick<MeasuredPicture, 'size'> & { readonly frames?: number | undefined }): string =>
  `${frames === undefined ? '' : `${plural(frames, 'frame')} of `}${sizeText(size)}`

/**
 * The size that a picture is fitted to, from its header. One with less than a latent entry's worth of pixels along a side is
 * refused unless it is resized: padding would be most of what is inverted. One that is too large is never padded.
 */
export function fittedSize({ path, size }: MeasuredPicture, taken: TakenSides, fit: Fit): PictureSize {
  const { multiple, largest = Number.POSITIVE_INFINITY } = taken
  if (fit !== 'resize' && Math.min(size.height, size.width) < multiple) {
    const remedy = `Enlarge the picture, or pass ${setting('fit', 'resize')}.`
    const what = `sides of at least ${multiple} pixels`
    throw expected('bad-shape', what, `\`${lastName(path)}\``, sizeText(size), remedy)
  }
  if ((fit === 'pad' || fit === 'refuse') && Math.max(size.height, size.width) > largest) {
    const resized = sizeText(fittedSides(size, taken, 'resize'))
    const remedy = `Pass ${setting('fit', 'resize')}, which makes it ${resized}, or ${setting('fit', 'crop')}.`
    const what = `sides of at most ${largest} pixels for this model`
    throw expected('bad-shape', what, `\`${lastName(path)}\``, sizeText(size), remedy)
  }
  return fittedSides(size, taken, fit)
}

/**
 * Throws what a header tells, before a pixel is read: `bad-shape` for a size that the model does not take, and for one with
 * which so many questions at once would take more memory than they may.
 */
export function checkPicture(
  measured: MeasuredPicture,
  model: Parameters<typeof checkRoom>[0],
  fit: Fit,
  asks: Readonly<Partial<Record<Kind, number>>>,
): void {
  const { layout } = model
  const { frames } = measured
  const size = { ...fittedSize(measured, layout, fit), ...(frames && { frames: frames.count }) }
  checkRoom(model, asks, layout.latentShape(pictureOf(layout, size)), `\`${lastName(measured.path)}\``)
}

/** Before a network runs: that a picture is far larger than those that the model was made for. */
export function largeNote(measured: MeasuredPicture, { layout }: Pick<Model, 'layout'>, fit: Fit): Told | undefined {
  const large = largeSize(layout, fittedSize(measured, layout, fit))
  if (large === undefined) return undefined
  const { own, times, quick } = large
  const quickTimes = (quick.height * quick.width) / (own.height * own.width)
  return noted(
    measured.path,
    `The model was made for ${sizeText(own)}. This picture takes at least ${Math.round(times)} times as long as one of that size, and as many times the memory. Reduce it first, in an image editor: one of ${sizeText(quick)} takes about ${Math.round(quickTimes)} times as long.`,
  )
}

/** Fits a picture to a model. Throws as `fittedSize`. */
export function fitPicture({ path, image }: NamedPicture, taken: TakenSides, fit: Fit): Fitted {
  fittedSize({ path, size: planesOf(image.shape) }, taken, fit)
  return fitToMultiple(image, taken.multiple, fit, taken.largest)
}

/** What reading pictures changed, as notes. */
export const notesOf = (pictures: readonly NamedPicture[]): readonly Note[] =>
  pictures.flatMap(({ path, notes }) => notes.map((text) => ({ about: path, text })))
