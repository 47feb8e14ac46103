/** Whether a colour profile is sRGB, told from its numbers and not from its name. Not a way to convert colours. */

/** Curves and colorants of the many sRGB profiles differ by less; another gamma by 0.03, another gamut by 0.05. */
const [curveTolerance, colorantTolerance] = [0.01, 0.01]

/** sRGB's primaries as a profile states them: adapted to D50. Source: ICC, sRGB IEC61966-2.1. */
const colorants: Readonly<Record<string, readonly [number, number, number]>> = {
  rXYZ: [0.4361, 0.2225, 0.0139],
  gXYZ: [0.3851, 0.7169, 0.0971],
  bXYZ: [0.1431, 0.0606, 0.7139],
}

const srgb = (value: number): number => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)

/** What a profile says that its colours are, by the channels that it is for. */
const spaces: Readonly<Record<string, number>> = { GRAY: 1, 'RGB ': 3, CMYK: 4 }
const shaping = [['kTRC'], ['rTRC', 'gTRC', 'bTRC', 'rXYZ', 'gXYZ', 'bXYZ'], ['A2B0'], ['A2B1']]

/**
 * Whether a profile is whole and for pictures of so many channels: one that is damaged, or of other colours, converts nothing.
 * Source: ICC.1:2022, sections 7.2 and 7.3.
 */
export function isProfileOf(icc: Buffer, channels: 1 | 3 | 4): boolean {
  try {
    if (icc.toString('latin1', 36, 40) !== 'acsp' || icc.readUInt32BE(0) > icc.length) return false
    if (spaces[icc.toString('latin1', 16, 20)] !== channels) return false
    const tags = tagsOf(icc)
    const isWhole = tagPlaces(icc).every(({ end }) => end <= icc.length)
    return isWhole && shaping.some((names) => names.every((name) => tags.has(name)))
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** The light of a value in a grey profile's curve; undefined where it has none that is known. */
export function greyCurve(icc: Buffer): ((value: number) => number) | undefined {
  const curve = tagsOf(icc).get('kTRC')
  return curve && curveOf(curve)
}

/** The value in sRGB of an amount of light. */
export const srgbOfLight = (light: number): number =>
  light <= 0.0031308 ? 12.92 * Math.max(light, 0) : 1.055 * Math.min(light, 1) ** (1 / 2.4) - 0.055

/**
 * A matrix profile whose three curves are sRGB's within 0.01 and whose primaries are; of a grey one the curve alone. Profiles
 * by tables are never taken for sRGB. Source: ICC.1:2022, sections 7.3, 10.6, 10.18, 10.31.
 *
 * @example isSrgbProfile((await sharp('picture.png').metadata()).icc!)
 */
export function isSrgbProfile(icc: Buffer): boolean {
  try {
    const tags = tagsOf(icc)
    if (tags.has('A2B0')) return false
    const grey = tags.get('kTRC')
    if (grey) return isSrgbCurve(grey)
    const curves = ['rTRC', 'gTRC', 'bTRC'].map((name) => tags.get(name))
    return (
      curves.every((curve) => curve !== undefined && isSrgbCurve(curve)) &&
      Object.entries(colorants).every(([name, wanted]) => {
        const tag = tags.get(name)
        return tag && wanted.every((value, i) => Math.abs(fixed(tag, 8 + 4 * i) - value) < colorantTolerance)
      })
    )
  } catch (error) {
    // A profile that ends too early cannot be read.
    if (error instanceof RangeError) return false
    throw error
  }
}

const fixed = (bytes: Buffer, offset: number): number => bytes.readInt32BE(offset) / 65536

function tagPlaces(icc: Buffer) {
  const count = Math.min(icc.readUInt32BE(128), 100)
  return Array.from({ length: count }, (_, i) => {
    const at = 132 + 12 * i
    const offset = icc.readUInt32BE(at + 4)
    return { name: icc.toString('latin1', at, at + 4), offset, end: offset + icc.readUInt32BE(at + 8) }
  })
}

const tagsOf = (icc: Buffer): ReadonlyMap<string, Buffer> =>
  new Map(tagPlaces(icc).map(({ name, offset, end }) => [name, icc.subarray(offset, end)] as const))

const probes = [0.1, 0.25, 0.5, 0.75, 0.9]

function isSrgbCurve(tag: Buffer): boolean {
  const curve = curveOf(tag)
  return curve !== undefined && probes.every((value) => Math.abs(curve(value) - srgb(value)) < curveTolerance)
}

/** The function of a curve tag; undefined for a type that there is not. */
function curveOf(tag: Buffer): ((value: number) => number) | undefined {
  const type = tag.toString('latin1', 0, 4)
  if (type === 'curv') {
    const count = tag.readUInt32BE(8)
    if (count === 0) return (value) => value
    if (count === 1) return (value) => value ** (tag.readUInt16BE(12) / 256)
    const entry = (i: number) => tag.readUInt16BE(12 + 2 * Math.min(i, count - 1)) / 65535
    return (value) => {
      const place = value * (count - 1)
      const below = Math.floor(place)
      return entry(below) + (place - below) * (entry(below + 1) - entry(below))
    }
  }
  if (type !== 'para') return undefined
  const kind = tag.readUInt16BE(8)
  const [g = 1, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = Array.from({ length: parameters[kind] ?? 0 }, (_, i) =>
    fixed(tag, 12 + 4 * i),
  )
  const power = (x: number) => Math.max(0, a * x + b) ** g
  const kinds: readonly ((x: number) => number)[] = [
    (x) => x ** g,
    (x) => (x >= -b / a ? power(x) : 0),
    (x) => (x >= -b / a ? power(x) + c : c),
    (x) => (x >= d ? power(x) : c * x),
    (x) => (x >= d ? power(x) + e : c * x + f),
  ]
  return kinds[kind]
}

/** How many numbers each kind of parametric curve has. */
const parameters = [1, 3, 4, 5, 7]
