/** Where the labels of a scatter plot stand: beside their points, over no other label and no point while there is room. */

export interface LabelledPoint {
  /** In pixels of the plot, from its upper left corner. */
  readonly x: number
  readonly y: number
  readonly label?: string | undefined
}

/** From the point to where the text begins or ends, and to its middle line. */
export interface LabelPlace {
  readonly dx: number
  readonly dy: number
  readonly align: 'left' | 'right'
}

interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** Of a sans-serif font of 11 pixels, on average and with room. */
const [characterWidth, lineHeight] = [6.2, 13]
const pointRadius = 5
const gap = 7
/** Lines above and below the point that are tried. */
const mostLines = 6

/** Nearest first: above and below the point, to the right before the left. */
const places: readonly LabelPlace[] = Array.from({ length: mostLines }, (_, line) =>
  [-1, 1].flatMap((side): readonly LabelPlace[] => {
    const dy = side * (line + 0.7) * lineHeight
    return [
      { dx: gap, dy, align: 'left' },
      { dx: -gap, dy, align: 'right' },
    ]
  }),
).flat()

const shared = (one: Box, other: Box): number =>
  Math.max(0, Math.min(one.right, other.right) - Math.max(one.left, other.left)) *
  Math.max(0, Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top))

/** What of a box is outside the plot. */
const outside = (box: Box, width: number, height: number): number =>
  (box.right - box.left) * (box.bottom - box.top) - shared(box, { left: 0, right: width, top: 0, bottom: height })

/** The box of a label there, in pixels of the plot. */
export function labelBox({ x, y, label = '' }: LabelledPoint, { dx, dy, align }: LabelPlace): Box {
  const width = characterWidth * label.length
  const left = x + dx - (align === 'right' ? width : 0)
  return { left, right: left + width, top: y + dy - lineHeight / 2, bottom: y + dy + lineHeight / 2 }
}

/** A place for each point, in their order: the first that covers nothing, or else the one that covers least. */
export function labelPlaces(
  points: readonly LabelledPoint[],
  { width, height }: { readonly width: number; readonly height: number },
): readonly LabelPlace[] {
  const taken: Box[] = points.map(({ x, y }) => ({
    left: x - pointRadius,
    right: x + pointRadius,
    top: y - pointRadius,
    bottom: y + pointRadius,
  }))
  return points.map((point) => {
    if (point.label === undefined) return places[0]!
    const tried = places.map((place) => {
      const box = labelBox(point, place)
      const covered = outside(box, width, height) + taken.reduce((sum, other) => sum + shared(box, other), 0)
      return { place, box, covered }
    })
    const best = tried.reduce((least, one) => (one.covered < least.covered ? one : least))
    taken.push(best.box)
    return best.place
  })
}
