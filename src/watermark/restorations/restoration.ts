/**
 * The contract of a restoration: a picture in, pictures out that it may have been before somebody changed it. A detector
 * reads them all, and pays for each in its p-value. Not the detection itself, nor a way to make pictures look better.
 */
import { formatShape, type Tensor } from '../../math/tensor.js'

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
  /**
   * Pictures of this size that the given one may have been; none where nothing speaks for such a change. They must follow
   * from the picture alone, never from a key: that is what lets p-values be multiplied by their number.
   */
  candidates(image: Tensor, size: PictureSize): readonly Candidate[]
}

/** Whether a picture has this size. */
export const hasSize = ({ shape: [, height, width] }: Tensor, size: PictureSize): boolean =>
  height === size.height && width === size.width

/** A picture as it is, where its size allows it, and what restorations say that it may have been. */
export function candidatesOf(
  image: Tensor,
  restorations: readonly Restoration[],
  size: PictureSize,
): readonly Candidate[] {
  const restored = restorations.flatMap((restoration) => restoration.candidates(image, size))
  return hasSize(image, size) ? [{ picture: () => image }, ...restored] : restored
}

/**
 * One restoration after another: each undoes something of what the one before has left, and those alone are candidates.
 *
 * Cost: the pictures of all but the last are made at once. Of an empty list: no candidates.
 *
 * @example const restoration = composeRestorations([undoFlip(), undoBorder()])
 */
export function composeRestorations(restorations: readonly Restoration[]): Restoration {
  const [first, ...others] = restorations
  return {
    name: restorations.map(({ name }) => name).join('+'),
    candidates: (image, size) =>
      others.reduce(
        (candidates, next) => candidates.flatMap((before) => after(before, next, size)),
        first?.candidates(image, size) ?? [],
      ),
  }
}

const after = (before: Candidate, next: Restoration, size: PictureSize): readonly Candidate[] =>
  next
    .candidates(before.picture(), size)
    .map((candidate) => ({ ...candidate, undone: `${before.undone}, ${candidate.undone}` }))

export const sizeText = (image: Tensor): string => formatShape(image.shape.slice(1))
