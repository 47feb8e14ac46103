/**
 * The contract of a restoration: a picture in, pictures out that it may have been before somebody changed it. A detector
 * reads them all, and pays for each in its p-value. Not the detection itself, nor a way to make pictures look better.
 */
import { expected } from '../../core/errors.js'
import type { Tensor } from '../../math/tensor.js'
import { planesOf } from '../../pictures/planes.js'

/** Of the pictures that a key marks, in pixels. */
export interface PictureSize {
  readonly height: number
  readonly width: number
}

/** One picture that it may have been. */
export interface Candidate {
  /** What is undone, for people: `mirrored`. Absent of the picture as it came. */
  readonly undone?: string
  /** Made when it is asked for: candidates are many and pictures large. */
  picture(): Tensor
}

/** A kind of change that is undone. */
export interface Restoration {
  readonly name: string
  /** Whether a picture of the given size may have candidates of this one: a header tells, and no pixel is read. */
  takes(given: PictureSize, size: PictureSize): boolean
  /**
   * Pictures of this size that the given one may have been; none where nothing speaks for such a change. They must follow
   * from the picture alone, never from a key: that is what lets p-values be multiplied by their number.
   */
  candidates(image: Tensor, size: PictureSize): readonly Candidate[]
}

export const sameSize = (a: PictureSize, b: PictureSize): boolean => a.height === b.height && a.width === b.width

/** Whether a picture has this size. */
export const hasSize = ({ shape }: Tensor, size: PictureSize): boolean => sameSize(planesOf(shape), size)

/** Each costs an inversion, and multiplies p: more would find nothing. */
const mostCandidates = 4096

/** Throws `bad-option` as soon as there are too many. */
export function limited(candidates: Iterable<Candidate>, name: string): readonly Candidate[] {
  const found: Candidate[] = []
  for (const candidate of candidates) {
    if (found.length === mostCandidates) {
      const remedy =
        'Use larger steps or smaller ranges: each candidate costs an inversion, and p is multiplied by all.'
      throw expected('bad-option', `at most ${mostCandidates} candidates`, `\`${name}\``, 'more', remedy)
    }
    found.push(candidate)
  }
  return found
}

/**
 * A picture as it is, where its size allows it, and what restorations say that it may have been. Throws `bad-option` where
 * that are more than 4096.
 */
export function candidatesOf(
  image: Tensor,
  restorations: readonly Restoration[],
  size: PictureSize,
): readonly Candidate[] {
  function* all() {
    if (hasSize(image, size)) yield { picture: () => image }
    for (const restoration of restorations) yield* restoration.candidates(image, size)
  }
  return limited(all(), restorations.map(({ name }) => name).join(', '))
}

/**
 * One restoration after another: each undoes something of what the one before has left, and those alone are candidates.
 *
 * Cost: the pictures of all but the last are made at once. Of an empty list: no candidates. Errors: `bad-option` where there
 * are more than 4096.
 *
 * The size comes first: what follows it takes pictures of the key's size alone.
 *
 * @example const undo = [undoResize(), undoFlip(), composeRestorations([undoResize(), undoFlip()])]
 */
export function composeRestorations(restorations: readonly Restoration[]): Restoration {
  const [first, ...others] = restorations
  const name = restorations.map((one) => one.name).join('+')
  return {
    name,
    takes: (given, size) => first?.takes(given, size) ?? false,
    candidates: (image, size) =>
      others.reduce(
        (candidates, next) => limited(after(candidates, next, size), name),
        first?.candidates(image, size) ?? [],
      ),
  }
}

function* after(candidates: readonly Candidate[], next: Restoration, size: PictureSize): Iterable<Candidate> {
  for (const before of candidates) {
    for (const candidate of next.candidates(before.picture(), size)) {
      yield { ...candidate, undone: `${before.undone}, ${candidate.undone}` }
    }
  }
}
