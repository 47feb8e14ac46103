/** Whether pictures show what was asked for, by the scene reader: shares with intervals, and what was taken for what. */
import { type Signal, type Tensor, wilsonInterval } from 'undiffuse'
import { type Attribute, attributes } from '../../training/scenes/reader/network.js'
import type { Reading, SceneReader, Words } from '../../training/scenes/reader/reader.js'
import { textTable } from '../shared/text-table.js'

/** A picture that a model made, and the scene that it was asked for. */
export interface AskedPicture {
  readonly image: Tensor
  readonly scene: Words
}

/** How many were right, and the 95 % interval (Wilson) of the share. */
export interface Share {
  readonly right: number
  readonly share: number
  readonly low: number
  readonly high: number
}

/** What was asked for, what was read instead, and how often. */
export interface Confusion {
  readonly attribute: Attribute
  readonly asked: string
  readonly read: string
  readonly count: number
}

export interface Faithfulness {
  readonly pictures: number
  readonly attributes: Readonly<Record<Attribute, Share>>
  /** Shape and colour right in the same picture: the common measure of prompt faithfulness here. */
  readonly shapeAndColour: Share
  readonly allButSize: Share
  readonly allSix: Share
  /** The most frequent first. */
  readonly confusions: readonly Confusion[]
}

export interface JudgedPicture {
  readonly asked: Words
  readonly read: Words
}

/** How many of several are right; throws a RangeError for none. */
export function shareOf<T>(all: readonly T[], isRight: (one: T) => boolean): Share {
  const right = all.filter(isRight).length
  return { right, share: right / all.length, ...wilsonInterval(right, all.length) }
}

/** The summary of pictures that were read already; throws a RangeError for none. */
export function faithfulnessOf(judged: readonly JudgedPicture[]): Faithfulness {
  const share = (isRight: (picture: JudgedPicture) => boolean) => shareOf(judged, isRight)
  const rightIn =
    (...names: readonly Attribute[]) =>
    ({ asked, read }: JudgedPicture) =>
      names.every((name) => asked[name] === read[name])
  return {
    pictures: judged.length,
    attributes: Object.fromEntries(attributes.map((name) => [name, share(rightIn(name))])) as Record<Attribute, Share>,
    shapeAndColour: share(rightIn('shape', 'colour')),
    allButSize: share(rightIn(...attributes.filter((name) => name !== 'size'))),
    allSix: share(rightIn(...attributes)),
    confusions: confusionsOf(judged),
  }
}

function confusionsOf(judged: readonly JudgedPicture[]): Confusion[] {
  const found = new Map<string, Confusion>()
  for (const { asked, read } of judged) {
    for (const attribute of attributes) {
      if (asked[attribute] === read[attribute]) continue
      const key = `${attribute} ${asked[attribute]} ${read[attribute]}`
      const count = (found.get(key)?.count ?? 0) + 1
      found.set(key, { attribute, asked: asked[attribute], read: read[attribute], count })
    }
  }
  return [...found.values()].sort((a, b) => b.count - a.count)
}

/**
 * Reads pictures, 3 × 128 × 128, and compares them with what was asked for. The reader's own errors count as the
 * model's: its model card says how many those are. Throws as `readScene` does, and a RangeError for no pictures.
 *
 * @returns the summary, and the readings in the order of the pictures; their features are what `sceneFrechet` takes
 * @example
 * const { faithfulness, readings } = await judgePictures(reader, [{ image, scene: describeScene(7) }])
 */
export async function judgePictures(
  reader: SceneReader,
  pictures: readonly AskedPicture[],
  signal?: Signal,
): Promise<{ readonly faithfulness: Faithfulness; readonly readings: readonly Reading[] }> {
  const readings: Reading[] = []
  for (const { image } of pictures) readings.push(await reader.readScene(image, signal))
  const judged = readings.map((read, i) => ({ asked: pictures[i]!.scene, read }))
  return { faithfulness: faithfulnessOf(judged), readings }
}

const confusionsShown = 8

/** The summary as a table for terminals, with the most frequent confusions. */
export function faithfulnessText({ pictures, confusions, ...shares }: Faithfulness): string {
  const percent = (value: number) => (100 * value).toFixed(1)
  const row = (name: string, { share, low, high }: Share) => [
    name,
    percent(share),
    `${percent(low)} … ${percent(high)}`,
  ]
  const table = textTable(
    [`of ${pictures} pictures`, 'right (%)', '95 % interval'],
    [
      ...attributes.map((name) => row(name, shares.attributes[name])),
      row('shape and colour', shares.shapeAndColour),
      row('all but size', shares.allButSize),
      row('all six', shares.allSix),
    ],
  )
  const mistakes = confusions
    .slice(0, confusionsShown)
    .map(({ attribute, asked, read, count }) => `${count} × ${attribute} ${asked} read as ${read}`)
  return [table, ...mistakes].join('\n')
}
