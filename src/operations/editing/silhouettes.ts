/** The silhouette of a thing in a mask: pixels of colours that are nowhere outside. */
import type { Tensor } from '../../math/tensor.js'
import { byteOf } from '../../pictures/pixels.js'
import { planesOf } from '../../pictures/planes.js'

/** Levels of 255 by which a colour is another than all outside; those of one step of the palette count as one. */
const [otherLevels, paletteStep] = [20, 16]

/** An edit in a mask, in the size of the picture that was given. */
export interface MaskedEdit {
  readonly mask: Tensor
  readonly written: Tensor
  readonly source: Tensor
}

/** Of each pixel whether the thing covers it, before and after. */
export interface Silhouettes {
  readonly before: readonly boolean[]
  readonly after: readonly boolean[]
}

type Colour = readonly [red: number, green: number, blue: number]

/** Root mean square over the three. */
const distance = (a: Colour, b: Colour): number =>
  Math.sqrt(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2) / 3)

/** Pixels inside the mask whose colour is nowhere outside in the source. */
function foreign(x: Tensor, mask: Tensor, palette: readonly Colour[]): readonly boolean[] {
  // A picture has fewer colours than pixels.
  const known = new Map<number, boolean>()
  return Array.from(mask.data, (inside, i) => {
    if (inside === 0) return false
    const colour = colourAt(x, i)
    const [red, green, blue] = colour
    const number = (red * 256 + green) * 256 + blue
    const isForeign = known.get(number) ?? palette.every((one) => distance(colour, one) > otherLevels)
    known.set(number, isForeign)
    return isForeign
  })
}

/** Its three colours in levels; opacity does not count. */
function colourAt({ data, shape }: Tensor, i: number): Colour {
  const { height, width } = planesOf(shape)
  const size = height * width
  return [byteOf(data[i]!), byteOf(data[i + size]!), byteOf(data[i + 2 * size]!)]
}

function paletteOutside({ mask, source }: MaskedEdit): readonly Colour[] {
  const found = new Map<string, Colour>()
  for (const [i, inside] of mask.data.entries()) {
    if (inside !== 0) continue
    const colour = colourAt(source, i)
    found.set(colour.map((value) => Math.floor(value / paletteStep)).join(), colour)
  }
  return [...found.values()]
}

/** Undefined where the mask covers everything. */
export function silhouettesOf(edit: MaskedEdit): Silhouettes | undefined {
  const palette = paletteOutside(edit)
  if (palette.length === 0) return undefined
  const [before, after] = [edit.source, edit.written].map((x) => foreign(x, edit.mask, palette))
  return { before: before!, after: after! }
}

/** Of fewer pixels no thing is made: a mask that holds no more of one lies beside it, or within it. */
const leastHeld = 40

/** Whether a mask holds nothing that is not outside too: what is to change lies outside it, or a part of it does. */
export const holdsNothing = ({ before }: Silhouettes): boolean => before.filter(Boolean).length < leastHeld

/**
 * Below the first share the outline can be seen to have changed; below the second the thing after has mostly a colour of the
 * background, and its outline cannot be seen. Fewer pixels are too few for a thing: docs/editing.md.
 */
const [sameShare, seenShare, leastThing] = [0.8, 0.3, 100]

/** Intersection over union of the silhouettes, where it is less than of an outline that was kept, and both can be seen. */
export function changedOutline({ before, after }: Silhouettes): number | undefined {
  const count = (covers: (i: number) => boolean) => before.filter((_, i) => covers(i)).length
  const share = count((i) => before[i]! && after[i]!) / count((i) => before[i]! || after[i]!)
  const isSeen = count((i) => before[i]!) >= leastThing && share >= seenShare
  return isSeen && share < sameShare ? share : undefined
}
