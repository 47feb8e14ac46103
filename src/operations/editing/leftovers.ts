/** Where a piece of a thing is left in a mask from which a thing was moved away: by colours that are nowhere outside. */
import { planesOf } from '../../pictures/planes.js'
import { type MaskedEdit, silhouettesOf } from './silhouettes.js'

/** Fewer pixels are not seen. */
const leastPixels = 12
/** A thing that is cut has so many where the lock's seam fades it. */
const leastCutPixels = 4
/** Pixels from the mask's edge to where half of the seam's width is over, the one at the edge counted. */
const fadedPixels = (featherPixels: number): number => 1 + Math.ceil(featherPixels / 2)

interface Looked extends MaskedEdit {
  readonly featherPixels: number
}

/** In pixels, both ends counted. */
interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** Pixels that hang together, side by side. */
function piecesOf(found: readonly boolean[], width: number): readonly (readonly number[])[] {
  const open = new Set(found.flatMap((isThere, i) => (isThere ? [i] : [])))
  const pieces: number[][] = []
  for (const first of open) {
    const piece = [first]
    open.delete(first)
    for (const i of piece) {
      const beside = [
        i - width,
        i + width,
        ...(i % width > 0 ? [i - 1] : []),
        ...(i % width < width - 1 ? [i + 1] : []),
      ]
      for (const next of beside) if (open.delete(next)) piece.push(next)
    }
    pieces.push(piece)
  }
  return pieces
}

function boxOf(piece: readonly number[], width: number): Box {
  const [across, down] = [piece.map((i) => i % width), piece.map((i) => Math.floor(i / width))]
  const ends = (values: readonly number[]) =>
    values.reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)] as const, [Infinity, -Infinity] as readonly [
      number,
      number,
    ])
  const [[left, right], [top, bottom]] = [ends(across), ends(down)]
  return { left, right, top, bottom }
}

/**
 * What is left of things inside a mask, in words: pieces on the old place, and pieces that the mask's edge cuts. A thing that
 * stands whole within the mask is the one that moved.
 */
export function leftoversOf(looked: Looked): readonly string[] {
  const { mask, source, featherPixels } = looked
  const { height, width } = planesOf(source.shape)
  const found = silhouettesOf(looked)
  if (!found) return []
  const { before, after } = found
  const reach = fadedPixels(featherPixels)
  /** Whether a pixel outside is near, in its row or column. */
  const isAtEdge = (i: number) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    for (let k = -reach; k <= reach; k++) {
      if (x + k >= 0 && x + k < width && mask.data[i + k] === 0) return true
      if (y + k >= 0 && y + k < height && mask.data[i + k * width] === 0) return true
    }
    return false
  }
  return piecesOf(after, width).flatMap((piece) => {
    if (piece.length < leastPixels) return []
    const isOld = piece.filter((i) => before[i]).length > piece.length / 2
    if (!isOld && piece.filter(isAtEdge).length < leastCutPixels) return []
    const { left, right, top, bottom } = boxOf(piece, width)
    const where = isOld ? 'is left at the old place' : "is cut by the mask's edge"
    return [`a piece of a thing ${where}, at pixels ${left}–${right} across and ${top}–${bottom} down`]
  })
}
