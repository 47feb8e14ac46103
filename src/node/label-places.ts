/** Where the labels of a scatter plot stand: beside their marks, or tied to them by a line where there is no room. */

export interface LabelledPoint {
  /** In pixels of the plot, from its upper left corner. */
  readonly x: number
  readonly y: number
  readonly label?: string | undefined
}

/** From the point to where the text begins, ends or has its middle, and to its middle line. */
export interface LabelPlace {
  readonly dx: number
  readonly dy: number
  readonly align: 'left' | 'right' | 'center'
  /** Where a line from the point to the text ends; absent where the text stands beside it. */
  readonly leader?: { readonly dx: number; readonly dy: number }
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
const gap = 8

/** Beside the point: to the right before the left, then above and below. */
const near: readonly LabelPlace[] = [
  { dx: gap, dy: 0, align: 'left' },
  { dx: -gap, dy: 0, align: 'right' },
  { dx: 0, dy: -lineHeight, align: 'center' },
  { dx: 0, dy: lineHeight, align: 'center' },
  ...[-1, 1].flatMap((side): readonly LabelPlace[] => {
    const dy = 0.7 * side * lineHeight
    return [
      { dx: gap, dy, align: 'left' },
      { dx: -gap, dy, align: 'right' },
    ]
  }),
]

/** How far off labels are tried, in lines and in gaps. */
const [mostLines, mostGaps] = [7, 4]
/** Between the end of a line and its text. */
const leaderGap = 2
/** In covered pixels, of each pixel that a label is away from its mark. */
const distanceCost = 0.25
/** Between the boxes along a line. */
const leaderStride = 4

/** Off the point, the nearest first, with a line to it. */
const placesOff = (): readonly LabelPlace[] =>
  Array.from({ length: mostLines }, (_, lines) => lines + 1)
    .flatMap((lines) => Array.from({ length: mostGaps }, (_, gaps) => [lines, gaps + 1] as const))
    .flatMap(([lines, gaps]) =>
      [-1, 1].flatMap((side) =>
        ([1, -1] as const).map((way): LabelPlace => {
          const [dx, dy] = [way * gaps * 2 * gap, side * (lines + 0.5) * lineHeight]
          return { dx, dy, align: way === 1 ? 'left' : 'right', leader: { dx: dx - way * leaderGap, dy } }
        }),
      ),
    )
    .toSorted((one, other) => Math.hypot(one.dx, one.dy) - Math.hypot(other.dx, other.dy))

const shared = (one: Box, other: Box): number =>
  Math.max(0, Math.min(one.right, other.right) - Math.max(one.left, other.left)) *
  Math.max(0, Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top))

/** What of a box is outside the plot. */
const outside = (box: Box, width: number, height: number): number =>
  (box.right - box.left) * (box.bottom - box.top) - shared(box, { left: 0, right: width, top: 0, bottom: height })

const around = (x: number, y: number, radius: number): Box => ({
  left: x - radius,
  right: x + radius,
  top: y - radius,
  bottom: y + radius,
})

/** The box of a label there, in pixels of the plot. */
export function labelBox({ x, y, label = '' }: LabelledPoint, { dx, dy, align }: LabelPlace): Box {
  const width = characterWidth * label.length
  const left = x + dx - { left: 0, center: width / 2, right: width }[align]
  return { left, right: left + width, top: y + dy - lineHeight / 2, bottom: y + dy + lineHeight / 2 }
}

/** The line to a label, as small boxes along it outside of the mark. */
function leaderBoxes({ x, y }: LabelledPoint, { leader }: LabelPlace): readonly Box[] {
  if (!leader) return []
  const { dx, dy } = leader
  const length = Math.hypot(dx, dy)
  const count = Math.floor((length - pointRadius) / leaderStride)
  return Array.from({ length: count }, (_, i) => (pointRadius + leaderStride * (i + 1)) / length).map((share) =>
    around(x + share * dx, y + share * dy, 1),
  )
}

/** Whether two marks look like one: their labels would say one thing twice. */
const coincide = (one: LabelledPoint, other: LabelledPoint): boolean =>
  one.label === other.label && Math.hypot(one.x - other.x, one.y - other.y) < pointRadius

/**
 * A place for each point: beside it where that covers nothing. The others then stand off theirs, where
 * they cover little and are near. Undefined for points without a label, and for a mark on another one of the same label.
 */
export function labelPlaces(
  points: readonly LabelledPoint[],
  { width, height }: { readonly width: number; readonly height: number },
): readonly (LabelPlace | undefined)[] {
  const allPlaces = [...near, ...placesOff()]
  const taken: Box[] = points.map(({ x, y }) => around(x, y, pointRadius))
  const bestOf = (point: LabelledPoint, places: readonly LabelPlace[]) =>
    places
      .map((place) => {
        const box = labelBox(point, place)
        const boxes = [box, ...leaderBoxes(point, place)]
        const over = boxes.reduce((sum, one) => taken.reduce((all, other) => all + shared(one, other), sum), 0)
        const covered = outside(box, width, height) + over
        return { place, boxes, covered, cost: covered + distanceCost * Math.hypot(place.dx, place.dy) }
      })
      .reduce((least, one) => (one.cost < least.cost ? one : least))
  const isTold = (point: LabelledPoint, i: number) =>
    point.label === undefined || points.slice(0, i).some((other) => coincide(other, point))
  const found = points.map((point, i) => {
    const best = isTold(point, i) ? undefined : bestOf(point, near)
    if (best?.covered !== 0) return undefined
    taken.push(...best.boxes)
    return best.place
  })
  return points.map((point, i) => {
    if (found[i] || isTold(point, i)) return found[i]
    const best = bestOf(point, allPlaces)
    taken.push(...best.boxes)
    return best.place
  })
}
