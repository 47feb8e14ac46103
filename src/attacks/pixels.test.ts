/** Attacks on pixels against what they say they do, pixel by pixel. Against other programs: pillow.test.ts. */
import { describe, expect, it } from 'vitest'
import { mean, variance } from '../math/statistics.js'
import { map, type Tensor, tensor, zeros } from '../math/tensor.js'
import { pictureTools } from '../node/picture-tools.js'
import { byteOf, pixelOf } from '../pictures/pixels.js'
import { attackPicture, parseAttacks } from './index.js'

const [height, width] = [10, 14]
const area = height * width
/** Every byte at its own place: 3·10·14 = 420 values, 37 prime to 256. */
const picture: Tensor = tensor(
  [3, height, width],
  Array.from({ length: 3 * area }, (_, i) => pixelOf((37 * i) % 256)),
)
const flat = (size: number, value: number): Tensor => map(zeros([3, size, size]), () => value)

const attacked = async (text: string, image = picture, seed = 0): Promise<Tensor> =>
  await attackPicture(image, parseAttacks(text), { pictures: pictureTools, seed })
const byteAt = ({ data, shape }: Tensor, channel: number, y: number, x: number): number =>
  byteOf(data[(channel * shape[1]! + y) * shape[2]! + x]!)
const bytes = ({ data }: Tensor): number[] => [...data].map(byteOf)

/** Whether `kept(y, x)` pixels are the picture's and the others `fill`. */
function expectMasked(found: Tensor, kept: (y: number, x: number) => boolean, fill: readonly number[]): void {
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const wanted = kept(y, x) ? byteAt(picture, channel, y, x) : fill[channel]
        expect(byteAt(found, channel, y, x), `${channel}, ${y}, ${x}`).toBe(wanted)
      }
    }
  }
}

/** Within four standard errors: a chance of 6e-5 with a seed that is not fixed. */
function expectMean(values: ArrayLike<number>, wanted: number): void {
  expect(Math.abs(mean(values) - wanted)).toBeLessThan(4 * Math.sqrt(variance(values) / values.length))
}

const black = [0, 0, 0]
const meanColour = [0, 1, 2].map((channel) => byteOf(mean(picture.data.subarray(channel * area, (channel + 1) * area))))

describe('crop and erase', () => {
  /** share 0.25: half of each side, 5 × 7, from (2, 3): floor of half the room. */
  const middle = (y: number, x: number) => y >= 2 && y < 7 && x >= 3 && x < 10

  it('keep or fill the middle, to the pixel', async () => {
    expectMasked(await attacked('crop:share=0.25,position=centre'), middle, black)
    expectMasked(await attacked('crop:share=0.25,position=centre,fill=mean'), middle, meanColour)
    expectMasked(await attacked('erase:share=0.25,position=centre'), (y, x) => !middle(y, x), black)
    expectMasked(await attacked('erase:share=0.25,position=centre,fill=mean'), (y, x) => !middle(y, x), meanColour)
  })

  it("cut a form of the ratio: Tree-Ring's 0.75 and 0.75 is all of the height", async () => {
    const strip = (_: number, x: number) => x >= 1 && x < 12
    expectMasked(await attacked('crop:share=0.75,ratio=0.75,position=centre'), strip, black)
  })

  it('reach every place, and the same for both', async () => {
    const corners = new Set<string>()
    const bright = flat(4, 1)
    for (let seed = 0; seed < 200; seed++) {
      const kept = await attacked('crop:share=0.25', bright, seed)
      const hole = await attacked('erase:share=0.25', bright, seed)
      const first = kept.data.indexOf(1)
      expect(hole.data.indexOf(-1)).toBe(first)
      expect(kept.data.filter((value) => value === 1)).toHaveLength(3 * 4)
      corners.add(`${Math.floor(first / 4)},${first % 4}`)
    }
    // 2 × 2 in 4 × 4 has 3 × 3 places; that one of nine is never drawn in 200 has a chance of 5e-10.
    expect(corners.size).toBe(9)
  })

  it('enlarges what it cuts out', async () => {
    // Left half black, right half white: from the right half alone nothing is black.
    const halves = map(flat(16, 0), (_, i) => (i % 16 < 8 ? -1 : 1))
    const found = await attacked('crop-resize:share=0.25,ratio=1,position=centre', halves)
    // 8 × 8 from (4, 4): four columns of each.
    expect(bytes(found).slice(0, 16)).toEqual([...Array(7).fill(0), 64, 191, ...Array(7).fill(255)])
  })
})

describe('flip and rotation', () => {
  it.each(['horizontal', 'vertical'])('%s twice is nothing', async (direction) => {
    const once = await attacked(`flip:direction=${direction}`)
    expect(await attacked(`flip:direction=${direction}`, once)).toEqual(await attacked('none'))
    expect(bytes(once)).not.toEqual(bytes(picture))
  })

  it('flips left and right, top and bottom', async () => {
    const [across, down] = [await attacked('flip'), await attacked('flip:direction=vertical')]
    expect(byteAt(across, 1, 2, 0)).toBe(byteAt(picture, 1, 2, width - 1))
    expect(byteAt(down, 2, 0, 5)).toBe(byteAt(picture, 2, height - 1, 5))
  })

  it.each(['nearest', 'linear'])('by quarter turns moves pixels: %s', async (filter) => {
    const size = 7
    const square = tensor(
      [3, size, size],
      Array.from({ length: 3 * size ** 2 }, (_, i) => pixelOf((37 * i) % 256)),
    )
    const quarter = await attacked(`rotation:degrees=90,filter=${filter}`, square)
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        // Counterclockwise: the right edge becomes the top one.
        expect(byteAt(quarter, 1, y, x)).toBe(byteAt(square, 1, x, size - 1 - y))
      }
    }
    const half = await attacked('flip+flip:direction=vertical', square)
    expect(bytes(await attacked(`rotation:degrees=180,filter=${filter}`, square))).toEqual(bytes(half))
    expect(bytes(await attacked(`rotation:degrees=-360,filter=${filter}`, square))).toEqual(bytes(square))
  })

  it('fills what comes from outside', async () => {
    const white = await attacked('rotation:degrees=45', flat(20, 1))
    expect(byteAt(white, 0, 0, 0)).toBe(0)
    expect(byteAt(white, 0, 10, 10)).toBe(255)
    expect(bytes(await attacked('rotation:degrees=45,fill=mean', flat(20, 1)))).toEqual(bytes(flat(20, 1)))
  })
})

describe('brightness, contrast, saturation', () => {
  it('multiplies light and clips it', async () => {
    const wanted = bytes(picture).map((byte) => Math.min(255, 2 * byte))
    expect(bytes(await attacked('brightness:factor=2'))).toEqual(wanted)
    expect(bytes(await attacked('brightness:factor=0'))).toEqual(wanted.map(() => 0))
  })

  it("draws the factor as torchvision's ColorJitter does: evenly from 0", async () => {
    const grey = flat(1, pixelOf(20))
    const drawn = []
    for (let seed = 0; seed < 400; seed++) {
      drawn.push(bytes(await attacked('brightness:factor=7,draw=uniform', grey, seed))[0]! / 20)
    }
    expect(Math.max(...drawn)).toBeLessThanOrEqual(7)
    // The largest of 400 lies below 6.8 with a chance of 9e-6; so does the smallest above 0.2.
    expect(Math.max(...drawn)).toBeGreaterThan(6.8)
    expect(Math.min(...drawn)).toBeLessThan(0.2)
    expectMean(drawn, 3.5)
  })

  it('of no colour is the luma of ITU-R BT.601', async () => {
    const grey = await attacked('saturation:factor=0')
    for (let i = 0; i < area; i++) {
      const [red, green, blue] = [0, 1, 2].map((channel) => byteOf(picture.data[channel * area + i]!))
      const luma = 0.299 * red! + 0.587 * green! + 0.114 * blue!
      for (const channel of [0, 1, 2]) {
        // Rounded to 8 bits.
        expect(Math.abs(byteOf(grey.data[channel * area + i]!) - luma)).toBeLessThanOrEqual(0.5 + 1e-9)
      }
    }
  })

  it('of no contrast is one grey, the mean of the luma', async () => {
    const [first, ...others] = bytes(await attacked('contrast:factor=0'))
    expect(new Set(others)).toEqual(new Set([first]))
    const weights = [0.299, 0.587, 0.114]
    const luma = weights.reduce(
      (sum, weight, channel) => sum + weight * mean(bytes(picture).slice(channel * area, (channel + 1) * area)),
      0,
    )
    // Each luma is rounded, then their mean.
    expect(Math.abs(first! - luma)).toBeLessThanOrEqual(1)
  })
})

describe('noise', () => {
  /** Of 3·128² values with one seed: a standard error of deviation/√(2n) = 0.32 %, four of them and rounding's share. */
  const deviationTolerance = 0.015
  const grey = flat(128, pixelOf(128))

  it.each([0.02, 0.1])('has deviation %f of the range and no mean', async (deviation) => {
    const { data } = await attacked(`noise:deviation=${deviation}`, grey, 4)
    const errors = data.map((value) => (value - grey.data[0]!) / 2)
    expect(Math.abs(Math.sqrt(variance(errors)) / deviation - 1)).toBeLessThan(deviationTolerance)
    expectMean(errors, 0)
  })

  it('clips and does not wrap around', async () => {
    const white = await attacked('noise:deviation=0.1', flat(64, 1), 1)
    // Six deviations.
    expect(Math.min(...bytes(white))).toBeGreaterThan(255 * 0.4)
  })
})

describe('resize and blur', () => {
  it.each(['resize:factor=0.5', 'resize:factor=0.3', 'blur:sigma=1.5', 'jpeg:quality=60', 'webp:quality=60'])(
    '%s keeps everything in its place',
    async (text) => {
      // A smooth hump in the middle: what is mirrored stays the mirror image.
      const size = 48
      const hump = map(flat(size, 0), (_, i) => {
        const [y, x] = [Math.floor(i / size) % size, i % size]
        return 1.6 * Math.exp(-((y - 23.5) ** 2 + (x - 23.5) ** 2) / 200) - 0.8
      })
      const { data } = await attacked(text, hump)
      const centroid = (position: (i: number) => number) => {
        const weights = data.map((value) => value + 0.8)
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        return weights.reduce((sum, weight, i) => sum + weight * position(i), 0) / total
      }
      // Compression is not symmetric; half a pixel is what a wrong convention of centres would do.
      expect(Math.abs(centroid((i) => i % size) - 23.5)).toBeLessThan(0.1)
      expect(Math.abs(centroid((i) => Math.floor(i / size) % size) - 23.5)).toBeLessThan(0.1)
    },
  )

  it('refuses a blur that the library cannot do', () => {
    expect(() => parseAttacks('blur:sigma=0.1')).toThrow('Expected 0 or at least 0.3 for `blur:sigma`, got 0.1.')
  })
})
