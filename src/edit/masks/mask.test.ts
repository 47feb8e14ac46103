import { describe, expect, it } from 'vitest'
import { map, tensor, torchNoise, zeros } from '../../math/index.js'
import { lockBackground } from './lock-background.js'
import { closed, grown, latentMask, merged, pixelMask } from './mask.js'
import { changedTexts, changedWords } from './words.js'

const dot = (height: number, width: number, y: number, x: number) =>
  map(zeros([1, height, width]), (_, i) => (i === y * width + x ? 1 : 0))

describe('masks', () => {
  it('grow by a square, and end at the edge', () => {
    const { data } = grown(dot(5, 6, 1, 4), 2)
    const inside = [...data].flatMap((value, i) => (value === 1 ? [[Math.floor(i / 6), i % 6]] : []))
    const wanted = [0, 1, 2, 3].flatMap((y) => [2, 3, 4, 5].map((x) => [y, x]))
    expect(inside).toEqual(wanted)
    expect(grown(dot(5, 6, 1, 4), 0)).toEqual(dot(5, 6, 1, 4))
  })

  it('are closed over gaps that a square bridges, at the border too, and are the same elsewhere', () => {
    const of = (...rows: readonly string[]) =>
      tensor(
        [1, rows.length, rows[0]!.length],
        Float64Array.from(rows.join(''), (sign) => (sign === '#' ? 1 : 0)),
      )
    const open = of('########', '#.....#.', '########', '........', '........', '........')
    expect(closed(open, 1)).toEqual(of('########', '########', '########', '........', '........', '........'))
    const wide = of('###..###', '###..###', '........', '........', '........', '........')
    expect(closed(wide, 1)).toEqual(of('########', '########', '........', '........', '........', '........'))
    const far = of('........', '........', '........', '#......#', '........', '........', '........')
    expect(closed(far, 2)).toEqual(far)
    expect(closed(of('........', '...#....', '........', '........', '........'), 1)).toEqual(
      of('...#....', '...#....', '........', '........', '........'),
    )
    const noisy = map(zeros([1, 9, 11]), (_, i) => ((i * 7) % 5 === 0 ? 1 : 0))
    expect(closed(closed(noisy, 2), 2)).toEqual(closed(noisy, 2))
    noisy.data.forEach((value, i) => {
      expect(closed(noisy, 2).data[i]).toBeGreaterThanOrEqual(value)
    })
  })

  it('hold an entry of the latent where they hold any of its pixels, and back all of them', () => {
    const entries = latentMask(dot(8, 12, 3, 5), [4, 2, 3])
    expect(entries).toEqual(dot(2, 3, 0, 1))
    const pixels = pixelMask(entries, [3, 8, 12])
    expect(pixels.data.reduce((sum, value) => sum + value, 0)).toBe(16)
    expect(latentMask(pixels, [4, 2, 3])).toEqual(entries)
  })

  it('of a clip: entries and pixels of the same time and place', () => {
    // 1 × frames × height × width: one pixel of the last of four frames.
    const shape = [1, 4, 4, 6]
    const clip = map(zeros(shape), (_, i) => (i === (3 * 4 + 3) * 6 + 1 ? 1 : 0))
    const entries = latentMask(clip, [5, 2, 2, 3])
    const wanted = map(zeros([1, 2, 2, 3]), (_, i) => (i === (1 * 2 + 1) * 3 + 0 ? 1 : 0))
    expect(entries).toEqual(wanted)
    const pixels = pixelMask(entries, [3, ...shape.slice(1)])
    const inside = [...pixels.data].flatMap((value, i) => (value === 1 ? [i] : []))
    expect(inside).toEqual([2, 3].flatMap((t) => [2, 3].flatMap((y) => [0, 1].map((x) => (t * 4 + y) * 6 + x))))
    expect(grown(clip, 1).data.reduce((sum, value) => sum + value, 0)).toBe(6)
  })

  it('merge every channel alike, and keep bits', () => {
    const [inside, outside] = [torchNoise(1, [2, 1, 2]), torchNoise(2, [2, 1, 2])]
    const { data } = merged(inside, outside, tensor([1, 1, 2], [1, 0]))
    expect([...data]).toEqual([inside.data[0], outside.data[1], inside.data[2], outside.data[3]])
  })
})

describe('changed words', () => {
  it.each([
    ['a red ball', 'a red ball', [], []],
    ['a red ball, on sand', 'A RED ball on sand.', [], []],
    ['a red ball on sand', 'a blue ball on wet sand', [1], [1, 4]],
    ['a man', 'a man with a hat', [], [2, 3, 4]],
    ['a man with a hat', 'a man', [2, 3, 4], []],
    ['', 'a man', [], [0, 1]],
    ['ball cube', 'cube ball', [0], [1]],
  ])('%j → %j', (from, to, gone, come) => {
    expect(changedWords(from, to)).toEqual({ from: gone, to: come })
  })

  it('are told as they are written', () => {
    expect(changedTexts('a red ball, on sand', 'a RED Star, on wet sand')).toEqual(['ball,', 'Star,', 'wet'])
  })
})

describe('a locked background', () => {
  const size = [3, 24, 24]
  const [edited, source] = [torchNoise(1, size), torchNoise(2, size)].map((x) => map(x, (value) => 0.2 * value)) as [
    ReturnType<typeof zeros>,
    ReturnType<typeof zeros>,
  ]
  const mask = map(zeros([1, 24, 24]), (_, i) => (i % 24 >= 12 ? 1 : 0))
  const byte = (value: number) => Math.round(((value + 1) / 2) * 255)

  it.each([0, 1, 20])('differs by at most %i levels from the source, outside', (boundLevels) => {
    const locked = lockBackground(edited, source, mask, { boundLevels, featherPixels: 4 })
    const apart = [...locked.data].flatMap((value, i) =>
      mask.data[i % 576] === 0 ? [Math.abs(byte(value) - byte(source.data[i]!))] : [],
    )
    expect(Math.max(...apart)).toBe(boundLevels)
    // Whole numbers of levels: a file holds what was checked.
    for (const value of locked.data) expect(Math.abs(byte(value) - ((value + 1) / 2) * 255)).toBeLessThan(1e-9)
  })

  it('is the edit inside, and goes over from one to the other within the width', () => {
    const [white, black] = [map(edited, () => 1), map(edited, () => -1)]
    const row = [...lockBackground(white, black, mask, { featherPixels: 4 }).data.slice(0, 24)].map(byte)
    expect(row.slice(0, 12)).toEqual(Array(12).fill(0))
    expect(row.slice(16)).toEqual(Array(8).fill(255))
    // 3t² − 2t³ at t = 1/5 … 4/5.
    expect(row.slice(12, 16)).toEqual([0.104, 0.352, 0.648, 0.896].map((share) => Math.round(255 * share)))
    const sharp = [...lockBackground(white, black, mask, { featherPixels: 0 }).data.slice(0, 24)].map(byte)
    expect(sharp).toEqual([...Array(12).fill(0), ...Array(12).fill(255)])
  })

  it('refuses what means nothing', () => {
    expect(() => lockBackground(edited, source, mask, { boundLevels: -1 })).toThrow(/boundLevels/)
    expect(() => lockBackground(edited, source, mask, { featherPixels: 0.5 })).toThrow(/featherPixels/)
    expect(() => lockBackground(edited, zeros([3, 24, 12]), mask)).toThrow(/3×24×12/)
    expect(() =>
      lockBackground(
        edited,
        source,
        map(zeros([1, 24, 12]), () => 1),
      ),
    ).toThrow(/mask/)
  })
})
