/**
 * Tree-ring: a pattern in the low frequencies of one channel of the noise. There is no message; a family of keys tells
 * users apart. For other messages prefer `gaussian-shading`.
 */
import { define } from '../../core/define.js'
import { expected } from '../../core/errors.js'
import { once } from '../../math/once.js'
import type { Shape, Tensor } from '../../math/tensor.js'
import type { Secret } from '../secret.js'
import { checked, planesOfLatent, type Reading, refuseMessage, type Scheme, type Watermark } from '../watermark.js'
import { cosineOf, directionPValue } from './parts/direction.js'
import { distancePValue, referencePValue } from './parts/distance.js'
import { directionOf, identifyDirection, membersOf } from './parts/family.js'
import { releasedTreeRing } from './parts/released-tree-ring.js'
import {
  type Bin,
  coordinatesOf,
  energyOutside,
  framesOfChannels,
  halfDisc,
  placesOf,
  planeOf,
  withCoordinates,
  withPlane,
} from './parts/spectrum.js'

export const patterns = ['rand', 'ring', 'zeros', 'const'] as const
export type Pattern = (typeof patterns)[number]

/** How a key's free numbers, its direction, become the coordinates of all bins of all frames. */
interface Layout {
  readonly bins: readonly Bin[]
  /** Free numbers; 0 where the pattern has no secret. */
  readonly factors: number
  /** Which free number each coordinate is; the coordinates of a clip are those of one frame after the other. */
  readonly factorOf: (coordinate: number) => number
}

function layoutOf(pattern: Pattern, radius: number, frames: number): Layout {
  const bins = halfDisc(radius)
  const coordinates = 2 * bins.length
  if (pattern === 'rand') return { bins, factors: frames * coordinates, factorOf: (i) => i }
  if (pattern !== 'ring') return { bins, factors: 0, factorOf: () => 0 }
  // Ring k holds the bins of k − 1 < |u| ≤ k; all of its real parts are one number, all imaginary ones another.
  const ringOf = (i: number) => 2 * (Math.ceil(bins[i >> 1]!.radius) - 1) + (i & 1)
  return {
    bins,
    factors: frames * 2 * radius,
    factorOf: (i) => Math.floor(i / coordinates) * 2 * radius + ringOf(i % coordinates),
  }
}

/** The mean of the coordinates that belong to each free number. */
function factorMeans({ factors, factorOf }: Layout, coordinates: Float64Array): Float64Array {
  const sums = new Float64Array(factors)
  const counts = new Float64Array(factors)
  coordinates.forEach((value, i) => {
    sums[factorOf(i)]! += value
    counts[factorOf(i)]!++
  })
  return sums.map((sum, k) => sum / counts[k]!)
}

/** 10 as published, of noise 64 numbers wide; of smaller noise all that is below half a side. */
const defaultRadius = (side: number): number => Math.max(1, Math.min(10, Math.ceil(side / 2) - 1))

/** Of a mask; what the networks of today make has less than twice as many numbers along a side. */
const largestRadius = 256

/** Both halves of a symmetric spectrum, as the released test takes them. */
const twice = (half: ArrayLike<number>): number[] => [
  ...Array.from(half),
  ...Array.from(half, (value, i) => (i % 2 === 1 ? -value : value)),
]

/**
 * Writes a key into the bins 0 < |u| ≤ radius of a channel's Fourier transform.
 *
 * F(u) = key(u), F(−u) its conjugate, for the orthonormal transform F of the channel: Hermitian, so that the noise
 * stays real and nothing of the key is lost. In a clip every frame of the channel is such a plane, with bins and numbers of its
 * own: the marked noise is as white in time as it was. `rand`: every bin an independent complex normal number of unit variance.
 * `ring`: one such number for each ring k − 1 < |u| ≤ k. `zeros`, `const`: no secret. Shapes: noise channels × height ×
 * width, of a clip channels × frames × height × width; no message. Cost: no network evaluations.
 *
 * The p-value of `rand` and `ring` is that of the cosine between the key's free numbers (bins, or rings) and what is
 * read there. It is exact over the draw of the key for any picture. That of `zeros` and `const` is of the distance from
 * the key with sigma from outside the mask (`distance`). It is exact only given white noise: calibrate these.
 * `mask=released` is the mask of the released code, one row off the centre and not symmetric, with its keys: for
 * comparison with published numbers.
 *
 * Errors: `bad-shape` for noise without the channel or smaller than the mask, and for a clip with the released mask. Source: Wen et al., NeurIPS 2023, arXiv
 * 2305.20030. Deviations: centred Hermitian mask; zero frequency left out; a ring's number is complex on the upper half
 * of the spectrum. `rand` is the default: its p-value has the most degrees, and its keys differ least in how often they find
 * unmarked pictures. Channel 0, as Hong et al. have it, is recovered best here.
 *
 * @example
 * const mark = treeRing({ pattern: 'ring' }).watermark(secretOf(new Uint8Array(32)), [4, 16, 16], 0)
 * mark.read(mark.imprint(torchNoise(0, [4, 16, 16]))).score // 1.000
 */
export const treeRing = define({
  id: 'tree-ring',
  title: 'Tree-ring',
  source: 'Wen et al., NeurIPS 2023',
  fields: {
    pattern: { type: 'choice', choices: patterns, default: 'rand', description: 'What is written into the mask.' },
    mask: {
      type: 'choice',
      choices: ['centred', 'released'],
      default: 'centred',
      description: 'Centred on the zero frequency and Hermitian, or as in the released code.',
    },
    channel: { type: 'integer', minimum: 0, default: 0, description: 'Of the noise.' },
    radius: {
      type: 'integer',
      minimum: 1,
      maximum: largestRadius,
      unit: 'cycles',
      description: 'Of the mask. Default: 10, or of small noise one less than half a side.',
    },
    constant: { type: 'number', default: 1, description: 'Of `const`, in deviations of the noise.' },
  },
  make: ({ pattern, mask, channel, radius: givenRadius, constant }): Scheme => {
    const settingsOf = (shape: Shape) => {
      const { channels, frames, height, width } = planesOfLatent(shape, 'tree-ring')
      const side = Math.min(height, width)
      const radius = givenRadius ?? defaultRadius(side)
      if (channel >= channels || 2 * radius >= side) {
        const got = `channel ${channel} and radius ${radius} of ${channels}×${height}×${width}`
        const most = `a channel below ${channels} and a radius below ${Math.ceil(side / 2)}`
        throw expected('bad-shape', most, '`tree-ring`', got, 'Make a key that fits, or use larger noise.')
      }
      if (mask === 'released' && frames > 1) {
        const remedy = 'The released mask is one of pictures: use `mask=centred`.'
        throw expected('bad-shape', 'noise of a picture', '`tree-ring:mask=released`', `${frames} frames`, remedy)
      }
      return { planes: framesOfChannels([channel], frames), radius }
    }
    // The released mask is there to compare with published numbers, which know no families.
    const hasFamilies = mask === 'centred' && (pattern === 'rand' || pattern === 'ring')
    return {
      name: 'tree-ring',
      members: (shape) => {
        const { radius, planes } = settingsOf(shape)
        return hasFamilies ? membersOf(layoutOf(pattern, radius, planes.length).factors) : 1
      },
      watermark(secret, shape, member) {
        const { planes, radius } = settingsOf(shape)
        if (mask === 'released') return releasedTreeRing({ pattern, channel, radius, constant }, secret, shape, member)
        const layout = layoutOf(pattern, radius, planes.length)
        const direction = directionOf(secret, 'tree-ring', layout.factors, member)
        const key = Float64Array.from({ length: planes.length * 2 * layout.bins.length }, (_, i) => {
          if (layout.factors > 0) return direction[layout.factorOf(i)]!
          // A real number: √2 of its real part, for parts of white noise are of unit deviation here.
          return pattern === 'const' && i % 2 === 0 ? Math.SQRT2 * constant : 0
        })
        return checked(centred(layout, { planes, key, direction, shape }))
      },
      ...(hasFamilies && {
        identify(secret: Secret, shape: Shape, members: number, noise) {
          const { planes, radius } = settingsOf(shape)
          const layout = layoutOf(pattern, radius, planes.length)
          return identifyDirection(
            secret,
            'tree-ring',
            members,
            factorMeans(layout, coordinatesIn(noise, planes, layout)),
          )
        },
      }),
    }
  },
})

/** What is read in the bins of some planes, one plane after the other. */
function coordinatesIn(noise: Tensor, planes: readonly number[], { bins }: Layout): Float64Array {
  const all = new Float64Array(planes.length * 2 * bins.length)
  planes.forEach((plane, k) => {
    all.set(coordinatesOf(planeOf(noise, plane), bins), k * 2 * bins.length)
  })
  return all
}

interface CentredKey {
  readonly planes: readonly number[]
  readonly key: Float64Array
  readonly direction: Float64Array
  readonly shape: Shape
}

function centred(layout: Layout, { planes, key, direction, shape }: CentredKey): Watermark {
  const { height, width } = planesOfLatent(shape, 'tree-ring')
  const { bins } = layout
  const keyOf = (k: number) => key.subarray(k * 2 * bins.length, (k + 1) * 2 * bins.length)
  return {
    name: 'tree-ring',
    latentShape: shape,
    messageBits: 0,
    spectralMask: { planes, places: placesOf(bins, height, width) },
    imprint(noise, message) {
      refuseMessage(message, 'tree-ring')
      return planes.reduce(
        (marked, plane, k) => withPlane(marked, plane, withCoordinates(planeOf(marked, plane), bins, keyOf(k))),
        noise,
      )
    },
    read(noise): Reading {
      const read = coordinatesIn(noise, planes, layout)
      const distance = once(() => ({
        meanAbsolute: meanAbsolute(read, key),
        pValue: distancePValue(
          read,
          key,
          energyOutside(
            planes.map((plane) => planeOf(noise, plane)),
            read,
          ),
        ),
        referencePValue: referencePValue(twice(read), twice(key)),
      }))
      if (layout.factors === 0) {
        const { pValue } = distance()
        return { score: -Math.log(Math.max(pValue, Number.MIN_VALUE)), pValue, exactGiven: 'white-noise', distance }
      }
      const score = cosineOf(factorMeans(layout, read), direction)
      return { score, pValue: directionPValue(score, layout.factors), exactGiven: 'any-picture', distance }
    },
  }
}

/** Mean |F̂ − key| over bins, from coordinates that are √2 times the parts. */
function meanAbsolute(read: Float64Array, key: Float64Array): number {
  let sum = 0
  for (let i = 0; i < key.length; i += 2) sum += Math.hypot(read[i]! - key[i]!, read[i + 1]! - key[i + 1]!)
  return (Math.SQRT2 * sum) / key.length
}
