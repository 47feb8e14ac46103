/** The verdict on an edit has every doubt, and the gravest alone. */
import { describe, expect, it } from 'vitest'
import { tensor, zeros } from '../../math/tensor.js'
import { verdictOf } from './verdict.js'

/** So many of ten pixels are inside. */
const maskOf = (inside: number) =>
  tensor(
    [1, 1, 10],
    Array.from({ length: 10 }, (_, i) => (i < inside ? 1 : 0)),
  )

const good: Parameters<typeof verdictOf>[0] = {
  ...{ knowledge: 'well', edited: { outcome: 'converged', method: 'exact-blending' }, doubts: [], isMove: false },
  ...{ source: zeros([3, 1, 10]), written: tensor([3, 1, 10], new Float64Array(30).fill(0.5)), mask: maskOf(3) },
}

describe('verdictOf', () => {
  it('finds nothing odd only where nothing was doubted', () => {
    expect(verdictOf(good)).toEqual({ verdict: 'nothing-odd', verdictReasons: [] })
    const doubts = [{ reason: 'ragged' }, { reason: 'ragged' }]
    expect(verdictOf({ ...good, doubts })).toEqual({ verdict: 'look-closely', verdictReasons: ['ragged'] })
  })

  it('says the grave reasons alone', () => {
    const doubts = [{ reason: 'ragged' }, { reason: 'no thing', misses: true }]
    const verdict = { verdict: 'likely-to-miss', verdictReasons: ['no thing'] }
    expect(verdictOf({ ...good, doubts })).toEqual(verdict)
  })

  it('doubts a found mask over most of the picture, and not a drawn one', () => {
    const wide = { ...good, mask: maskOf(7) }
    expect(verdictOf(wide).verdictReasons).toEqual(['the mask covers 70 % of the picture'])
    expect(verdictOf({ ...wide, drawnShare: 0.7 }).verdict).toBe('nothing-odd')
  })

  it('tells of a cut where a seam was measured, and not where a thing is kept', () => {
    const cut = "a cut may show at the mask's edge"
    expect(verdictOf({ ...good, seamLevels: 20 }).verdictReasons).toEqual([cut])
    expect(verdictOf({ ...good, seamLevels: 5 }).verdict).toBe('nothing-odd')
    expect(verdictOf({ ...good, mask: maskOf(7), drawnShare: 0.7, seamLevels: 20 }).verdict).toBe('nothing-odd')
  })

  const drew = 'the model drew things outside the mask too'
  const strayed = { ...good, before: { psnrDb: 30 } as NonNullable<typeof good.before> }
  const strayReasons = (masked: Partial<typeof good>) => verdictOf({ ...strayed, ...masked }).verdictReasons.join()

  it('tells of a rim around what a mask of the background keeps', () => {
    const drawn = { mask: maskOf(7), drawnShare: 0.7 }
    expect(strayReasons({ mask: maskOf(3), drawnShare: 0.3 })).toBe(drew)
    expect(strayReasons({ ...drawn, isMove: true })).toBe(drew)
    expect(strayReasons(drawn)).toMatch(/^a rim of the old colour may show: make the black part .* smaller$/)
    const found = { mask: maskOf(7), change: 'backgrounds' }
    expect(strayReasons(found)).toMatch(/a rim of the old colour may show: draw a mask whose black part is smaller/)
    expect(strayReasons({ ...found, change: 'textures' })).toMatch(/the shadow of the thing may keep/)
    for (const other of [{ mask: maskOf(3) }, { change: 'colours' }])
      expect(strayReasons({ ...found, ...other })).toContain(drew)
  })

  it('tells of what the model drew outside a mask, but in a move in a drawn mask, whose pieces and seam are measured', () => {
    const moved = { drawnShare: 0.3, isMove: true, seamLevels: 5 }
    expect(strayReasons(moved)).toBe('')
    expect(strayReasons({ isMove: true, seamLevels: 5 })).toBe(drew)
    for (const other of [{ isMove: false }, { seamLevels: undefined as never }])
      expect(strayReasons({ ...moved, ...other })).toBe(drew)
  })
})
