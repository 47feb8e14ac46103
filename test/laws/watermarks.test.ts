/**
 * What every way to mark noise must pass: p-values are uniform where there is no mark, whatever they say they are exact
 * given; marks are found, by their own key alone; noise stays noise.
 */
import { describe, expect, it } from 'vitest'
import { watermarks } from '../../src/catalog.js'
import { allPieces } from '../../src/core/progress.js'
import { binomialInterval, kolmogorovSmirnov } from '../../src/math/distributions.js'
import { torchGenerator, torchNoise } from '../../src/math/noise.js'
import { combine, map, norm, type Shape, sizeOf, type Tensor } from '../../src/math/tensor.js'
import {
  gaussianShading,
  prc,
  type Scheme,
  secretOf,
  spectrumMagnitude,
  treeRing,
  type Watermark,
  zeroMessage,
} from '../../src/watermark/schemes/index.js'

const shape = [4, 16, 16]
const random = torchGenerator(2026)
const noise = () => random.noise(shape)

/** Keys of tests come from numbers, not from chance. */
function secret(number: number) {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, number)
  return secretOf(bytes)
}

const schemes: readonly (readonly [string, Scheme])[] = [
  ...watermarks.map((make) => [make.definition.id, make()] as const),
  ...(['ring', 'zeros', 'const'] as const).map((pattern) => [`tree-ring ${pattern}`, treeRing({ pattern })] as const),
  ...(['rand', 'ring', 'zeros', 'const'] as const).map(
    (pattern) => [`tree-ring ${pattern} released`, treeRing({ pattern, mask: 'released' })] as const,
  ),
]
const isAnyPicture = (scheme: Scheme) =>
  scheme.watermark(secret(0), shape, 0).read(noise()).exactGiven === 'any-picture'

/** Of pictures: noise of another colour, a few large structures, a constant; nothing that is white. */
function picturesque(): Tensor {
  const smooth = (x: Tensor) =>
    map(x, (_, i) => [0, 1, 2, 3, 16, 17, 18, 32].reduce((sum, by) => sum + (x.data[(i + by) % x.data.length] ?? 0), 0))
  return map(combine([1, smooth(smooth(noise()))], [0.3, noise()]), (value) => value + 2)
}

/** False positives at these rates lie in the binomial interval of this confidence; 11 schemes × 3 rates × 2 worlds. */
const rates = [0.05, 0.01]
const confidence = 0.9999
/** Of Kolmogorov and Smirnov's test, for as many tests. */
const leastUniformity = 1e-5

function checkUniform(pValues: readonly number[], isDiscrete: boolean) {
  for (const rate of rates) {
    const { low, high } = binomialInterval(pValues.length, rate, confidence)
    const found = pValues.filter((p) => p <= rate).length
    expect(found, `at ${rate}`).toBeLessThanOrEqual(high)
    expect(found, `at ${rate}`).toBeGreaterThanOrEqual(low)
  }
  // A count has fewer values than numbers have: p-values above one another's are no defect.
  if (!isDiscrete) expect(kolmogorovSmirnov(pValues)).toBeGreaterThan(leastUniformity)
}

/** A noise with the mark in it, and the message 0 where there is room for one. */
const imprinted = (mark: Watermark, plain: Tensor) => mark.imprint(plain, zeroMessage(mark))

/** Of transforms there and back, in float64. */
const rounding = 1e-9

/** A mark changes the bins of its mask and their opposites, and no others. */
function checkSpectralMask(scheme: Scheme, shape: Shape) {
  const { planes, places } = scheme.watermark(secret(0), shape, 0).spectralMask!
  const [height, width] = shape.slice(-2) as [number, number]
  const count = sizeOf(shape) / (height * width)
  const plain = torchNoise(1, shape)
  const mark = scheme.watermark(secret(1), shape, 0)
  expect(mark.spectralMask).toEqual({ planes, places })
  // What is written at a frequency is read at the opposite one too: noise is real. The zero frequency is at ⌊n/2⌋.
  const mirrored = (i: number, n: number) => (2 * Math.floor(n / 2) - i + n) % n
  const opposite = (at: number) => mirrored(Math.floor(at / width), height) * width + mirrored(at % width, width)
  const own = new Set([...places, ...places.map(opposite)])
  const marked = imprinted(mark, plain)
  for (let plane = 0; plane < count; plane++) {
    const [before, after] = [plain, marked].map((one) => spectrumMagnitude(one, plane).data)
    const changed = [...before!.keys()].filter((at) => Math.abs(before![at]! - after![at]!) > rounding)
    if (planes.includes(plane)) expect(changed.length).toBeGreaterThan(own.size / 2)
    else expect(changed).toEqual([])
    for (const at of changed) expect(own).toContain(at)
  }
}

/**
 * Of 800 trials at 0.05 more than 66 are too many, of 400 more than 39: a rate of 0.1 is seen in 95 and in 52 of 100 draws, one
 * of 0.15 in all. `prc` takes 6 ms a trial, to decode what is noise; it is drawn in three worlds.
 */
const trialsOf = (name: string) => (name === 'prc' ? 400 : 800)

/** Marks of so many keys in turn. What a key makes depends on nothing else: it is made once. */
function keyedMarks(scheme: Scheme, shape: Shape, keys = 40, from = 0) {
  const made = new Map<number, Watermark>()
  return (i: number): Watermark => {
    const number = from + (i % keys)
    const found = made.get(number) ?? scheme.watermark(secret(number), shape, 0)
    made.set(number, found)
    return found
  }
}

const isDiscrete = (name: string) => name === 'gaussian-shading' || name === 'prc'

it.each(['centred', 'released'] as const)(
  'constants of any size have uniform p-values on white noise, mask=%s',
  (mask) => {
    for (const constant of [50, 150, 1000]) {
      const mark = treeRing({ pattern: 'const', constant, mask }).watermark(secret(0), shape, 0)
      checkUniform(
        Array.from({ length: 200 }, () => mark.read(noise()).pValue),
        false,
      )
    }
  },
)

describe.each(schemes)('%s', (name, scheme) => {
  const trials = trialsOf(name)
  const marks = keyedMarks(scheme, shape)

  it('has uniform p-values on white noise of any deviation', () => {
    const pValues = Array.from({ length: trials }, (_, i) => marks(i).read(combine([0.5 + (i % 5), noise()])).pValue)
    checkUniform(pValues, isDiscrete(name))
  })

  it.each([1e155, 1e-160, Number.NaN])('refuses noise of a size of %d, whose squares are no numbers', (size) => {
    const mark = scheme.watermark(secret(0), shape, 0)
    expect(() => mark.read(combine([size, noise()]))).toThrow(expect.objectContaining({ code: 'not-finite' }))
  })

  if (scheme.watermark(secret(0), shape, 0).spectralMask)
    it('says where in the spectrum it is, whatever the secret, and leaves the rest alone', () =>
      checkSpectralMask(scheme, shape))

  const isAny = isAnyPicture(scheme)
  /** A key for each trial: where the picture is the same, chance is in the key alone. */
  const strangers = keyedMarks(scheme, shape, trials, 1000)
  if (isAny)
    it('has uniform p-values on anything that does not know the key', () => {
      const worlds = Array.from({ length: 8 }, picturesque)
      const pValues = Array.from({ length: trials }, (_, i) => strangers(i).read(worlds[i % worlds.length]!).pValue)
      checkUniform(pValues, isDiscrete(name))
    })

  if (isAny)
    it('has uniform p-values on what another key of its own marked', () => {
      const other = imprinted(scheme.watermark(secret(7), shape, 0), noise())
      const pValues = Array.from({ length: trials }, (_, i) => strangers(i).read(other).pValue)
      checkUniform(pValues, isDiscrete(name))
    })

  // A mark of one channel of noise 16 wide, or a key that is no more than a hundred numbers of it.
  const bound = name.startsWith('tree-ring ring') ? 1e-3 : 1e-5
  it('is found in what it marked, and in most of it', () => {
    for (let i = 0; i < 20; i++) {
      const mark = scheme.watermark(secret(i), shape, 0)
      const marked = imprinted(mark, noise())
      expect(mark.read(marked).pValue).toBeLessThan(bound)
      const worn = combine([0.9, marked], [Math.sqrt(1 - 0.81), noise()])
      expect(mark.read(worn).pValue).toBeLessThan(name.includes('zeros') ? 1e-2 : bound * 10)
    }
  })

  it('leaves noise of the same size, is the same every time, and takes only its own shape', () => {
    const mark = scheme.watermark(secret(3), shape, 0)
    const plain = noise()
    const marked = imprinted(mark, plain)
    expect(marked.shape).toEqual(shape)
    expect(imprinted(mark, plain)).toEqual(marked)
    // The mark replaces noise by something of the same energy; only zeros take away, a tenth of a channel's.
    expect(Math.abs(norm(marked) / norm(plain) - 1)).toBeLessThan(0.1)
    expect(() => mark.read(random.noise([4, 8, 8]))).toThrow(/Expected noise of 4×16×16/)
    expect(() => mark.imprint(random.noise([4, 16, 24]))).toThrow(/Expected noise of 4×16×16/)
  })

  it('carries messages whole, or refuses them', () => {
    const mark = scheme.watermark(secret(3), shape, 0)
    if (mark.messageBits === 0) {
      expect(() => mark.imprint(noise(), 'ff')).toThrow(/Expected no message/)
      return
    }
    for (const message of ['deadbeef', '00000000', '12345678']) {
      const worn = combine([0.85, mark.imprint(noise(), `0x${message}`)], [Math.sqrt(1 - 0.7225), noise()])
      expect(mark.read(worn).message).toBe(message)
    }
    expect(() => mark.imprint(noise(), 'deadbeef0')).toThrow(/of 32 bits, 8 hexadecimal digits/)
    // Filled up at either end, 42 and 420 or 42 and 042 would be one.
    expect(() => mark.imprint(noise(), '42')).toThrow(/got 2 digits\. Write all digits: `00000042`/)
    expect(() => mark.imprint(noise(), 'xyz')).toThrow(/hexadecimal/)
    for (const missing of [undefined, '', '0x']) {
      expect(() => mark.imprint(noise(), missing)).toThrow(
        /got none\. Pass digits of a user.*`00000000` is the message 0/,
      )
    }
  })

  const { identify: asking } = scheme
  const identify = asking && ((...asked: Parameters<typeof asking>) => allPieces(asking(...asked)))
  if (asking)
    it('tells how far it is among the members of a large family', () => {
      const told = [...asking(secret(5), shape, 10_000, torchNoise(5, shape))]
      expect(told.map(({ done }) => done).slice(0, 2)).toEqual([4096, 8192])
      expect(new Set(told.map(({ stage, total }) => `${stage} ${total}`))).toEqual(new Set(['members 10000']))
    })

  if (identify)
    it('tells the members of a family apart', () => {
      for (const member of [0, 321, 4999]) {
        const mark = scheme.watermark(secret(5), shape, member)
        const worn = combine([0.9, mark.imprint(noise())], [Math.sqrt(1 - 0.81), noise()])
        const found = identify(secret(5), shape, 5000, worn)
        expect(found.member).toBe(member)
        expect(Math.log(found.pValue)).toBeCloseTo(Math.log(mark.read(worn).pValue), 9)
        expect(found.familyPValue).toBeCloseTo(Math.min(1, 5000 * found.pValue), 12)
        expect(found.familyPValue).toBeLessThan(name === 'tree-ring ring' ? 1 : 0.01)
      }
    })

  if (identify)
    it('has uniform p-values on the mark of another member, near or far', () => {
      const marked = Array.from({ length: 200 }, (_, i) => scheme.watermark(secret(3000 + i), shape, i))
      for (const apart of [1, 65_536, 524_288]) {
        const pValues = marked.map((own, i) => {
          const worn = own.imprint(noise())
          return scheme.watermark(secret(3000 + i), shape, i + apart).read(worn).pValue
        })
        checkUniform(pValues, isDiscrete(name))
      }
    })

  if (identify)
    it('finds no member where there is none, but as often as it says', () => {
      const found = Array.from({ length: 200 }, (_, i) => identify(secret(i), shape, 200, picturesque()).familyPValue)
      const { high } = binomialInterval(200, 0.1, confidence)
      expect(found.filter((p) => p <= 0.1).length).toBeLessThanOrEqual(high)
    })
})

describe('messages of few bits in large noise', () => {
  // So many copies of a bit that 2^−copies is no number.
  it.each([
    ['gaussian-shading', gaussianShading({ bits: 1 }), 200],
    ['gaussian-shading', gaussianShading({ bits: 8 }), 200],
    // Decoding takes its time.
    ['prc', prc({ bits: 8 }), 20],
  ] as const)('%s has uniform p-values, and one that is positive for its own mark', (name, scheme, trials) => {
    const large = [4, 64, 64]
    const mark = scheme.watermark(secret(1), large, 0)
    const pValues = Array.from({ length: trials }, () => mark.read(random.noise(large)).pValue)
    checkUniform(pValues, isDiscrete(name))
    const { pValue, message } = mark.read(imprinted(mark, random.noise(large)))
    expect(message).toMatch(/^0+$/)
    expect(pValue).toBeGreaterThan(0)
    expect(pValue).toBeLessThan(1e-300)
  })
})

/** Latents of 136×104 pixels: pictures have any multiples of 8. */
const oddShape = [4, 17, 13]

describe.each(schemes)('%s on odd sides', (name, scheme) => {
  it('has uniform p-values on white noise', () => {
    const marks = keyedMarks(scheme, oddShape)
    const pValues = Array.from({ length: trialsOf(name) / 2 }, (_, i) => marks(i).read(random.noise(oddShape)).pValue)
    checkUniform(pValues, isDiscrete(name))
  })

  it('is found in most of what it marked', () => {
    for (let i = 0; i < 10; i++) {
      const mark = scheme.watermark(secret(i), oddShape, 0)
      const worn = combine(
        [0.9, imprinted(mark, random.noise(oddShape))],
        [Math.sqrt(1 - 0.81), random.noise(oddShape)],
      )
      expect(mark.read(worn).pValue).toBeLessThan(name.includes('zeros') || name.includes('ring ring') ? 1e-2 : 1e-4)
    }
  })

  if (scheme.watermark(secret(0), oddShape, 0).spectralMask)
    it('says where in the spectrum it is', () => checkSpectralMask(scheme, oddShape))
})

/** Latents of clips: two frames for each channel. */
const clipShape = [4, 2, 12, 8]

describe.each(schemes.filter(([name]) => !name.includes('released')))('%s in clips', (name, scheme) => {
  const marks = keyedMarks(scheme, clipShape)

  it('has uniform p-values on white noise', () => {
    const pValues = Array.from({ length: 200 }, (_, i) => marks(i).read(random.noise(clipShape)).pValue)
    // A word of few signs has few sums.
    checkUniform(pValues, isDiscrete(name) || name === 'ring-id')
  })

  it('is found in what it marked, frame by frame, and takes only its own number of frames', () => {
    const mark = marks(1)
    const worn = combine(
      [0.9, imprinted(mark, random.noise(clipShape))],
      [Math.sqrt(1 - 0.81), random.noise(clipShape)],
    )
    const bound = name.includes('zeros') || name.includes('ring ring') ? 1e-2 : 1e-3
    // RingID's word is as long as small noise has room for.
    expect(mark.read(worn).pValue).toBeLessThanOrEqual(Math.max(bound, mark.smallestPValue ?? 0))
    expect(() => mark.read(random.noise([4, 3, 12, 8]))).toThrow(/Expected noise of 4×2×12×8/)
  })

  if (marks(0).spectralMask)
    it('names the planes of its mask: every frame of each marked channel', () => {
      checkSpectralMask(scheme, clipShape)
      const { planes } = marks(0).spectralMask!
      // Both frames of each channel.
      expect(planes.every((plane) => planes.includes(plane ^ 1))).toBe(true)
    })
})

it('the released mask is of pictures', () => {
  expect(() => treeRing({ mask: 'released' }).watermark(secret(0), clipShape, 0)).toThrow(
    /noise of a picture.*2 frames/,
  )
})

describe('prc', () => {
  it('has nothing in common between two messages in the same noise', () => {
    const mark = prc().watermark(secret(1), shape, 0)
    const plain = noise()
    const [first, second] = ['00000000', '00000001'].map((message) => mark.imprint(plain, message))
    const differing = first!.data.reduce((sum, value, i) => sum + (value < 0 === second!.data[i]! < 0 ? 0 : 1), 0)
    const { low, high } = binomialInterval(1024, 0.5, confidence)
    expect(differing).toBeGreaterThanOrEqual(low)
    expect(differing).toBeLessThanOrEqual(high)
  })
})

describe('tree-ring', () => {
  it('writes its key without loss when centred, and loses some of it as released', () => {
    const read = (mask: 'centred' | 'released') => {
      const mark = treeRing({ pattern: 'rand', mask }).watermark(secret(1), shape, 0)
      return mark.read(mark.imprint(noise())).distance!().meanAbsolute
    }
    expect(read('centred')).toBeLessThan(1e-12)
    expect(read('released')).toBeGreaterThan(0.1)
  })

  it('loses nothing as released on odd heights, where the released mask is symmetric', () => {
    const { places } = treeRing({ mask: 'released' }).watermark(secret(1), oddShape, 0).spectralMask!
    const area = 17 * 13
    expect(new Set(places.map((at) => area - 1 - at))).toEqual(new Set(places))
  })

  it('reads nothing from zeros by the reference formula, marked or not', () => {
    const mark = treeRing({ pattern: 'zeros' }).watermark(secret(1), shape, 0)
    const p = [noise(), combine([0.9, mark.imprint(noise())], [0.4, noise()])].map(
      (x) => mark.read(x).distance!().referencePValue,
    )
    for (const value of p) expect(Math.abs(value - 0.5)).toBeLessThan(0.05)
  })

  it('refuses a mask that does not fit', () => {
    expect(() => treeRing({ radius: 8 }).watermark(secret(1), shape, 0)).toThrow(/radius below 8/)
    expect(() => treeRing({ channel: 4 }).watermark(secret(1), shape, 0)).toThrow(/channel below 4/)
  })
})

describe('the pseudorandom code', () => {
  it('has nothing in common between two pictures that somebody without the key sees', () => {
    const prc = watermarks.find(({ definition }) => definition.id === 'prc')!()
    const mark = prc.watermark(secret(9), shape, 0)
    const pairs = Array.from({ length: 100 }, () => {
      const [a, b] = [mark.imprint(noise(), 'ffffffff'), mark.imprint(noise(), 'ffffffff')]
      return a.data.filter((value, i) => value < 0 === b.data[i]! < 0).length
    })
    const { low, high } = binomialInterval(1024, 0.5, 1 - 1e-6)
    expect(Math.max(...pairs)).toBeLessThanOrEqual(high)
    expect(Math.min(...pairs)).toBeGreaterThanOrEqual(low)
  })
})
