/** What `edit` says in its summary. */
import type { EditReport } from 'undiffuse/operations'
import { expect, it } from 'vitest'
import { remedyText, words } from './edit.js'

const of = (more: Partial<EditReport>) =>
  remedyText({ exact: 'no', outcome: 'exhausted', method: 'exact-blending', ...more } as EditReport)

it('says what to do where steps were not solved, and nothing where they were or are not solved at all', () => {
  expect(of({})).toMatch(/guideFrom=source.*--guidance.*--steps/)
  expect(of({ method: 'naive', outcome: 'diverged' })).toContain('guideFrom=source')
  expect(of({ method: 'naive:dilation=0' })).toBe('')
  expect(of({ exact: 'given-latent', outcome: 'converged' })).toBe('')
  // What makes it miss is another thing, whose remedy was noted before.
  expect(of({ verdict: 'likely-to-miss' })).toBe('')
  expect(of({ verdict: 'likely-to-miss', outcome: 'diverged' })).toContain('guideFrom=source')
  // A picture that the model does not know needs another model.
  expect(of({ verdict: 'likely-to-miss', outcome: 'diverged', known: 'hardly' })).toBe('')
  const wide = { ...report, mask: { ...report.mask!, notes: ['The mask covers 98 % of the picture.'] } }
  expect(words(wide).join()).toContain('help masks')
  expect(words({ ...wide, known: 'hardly' }).join()).not.toContain('help masks')
})

const levels = { nmse: 0, psnrDb: Number.POSITIVE_INFINITY, ssim: 1, largestLevels: 0, shareOfPixels: 0.7 }
const report = {
  ...{ picture: 'a.png', from: 'a', to: 'b', model: 'm', method: 'exact-blending', solver: 'ddim', guidance: 3 },
  ...{ exact: 'given-latent', outcome: 'converged', verdict: 'nothing-odd', verdictReasons: [], known: 'well' },
  latent: { psnrBeforeDb: 40, psnrAfterDb: 63 },
  lock: { boundLevels: 0, featherPixels: 8, largestLevels: 0, largestLevelsBefore: 3 },
  mask: { given: null, drawnShareOfPixels: null, shareOfPixels: 0.3, covers: 'part', notes: [] },
  background: levels,
  notes: ['odd'],
  outputs: { picture: 'e.png', sheet: 's.png' },
} as unknown as EditReport

/** The first word of each line but the first. */
const heads = (more: Partial<EditReport>) =>
  words({ ...report, ...more })
    .slice(1)
    .map((line) => line.trim().split(' ')[0])

it('says in a few plain lines what came of it, without measurements and notes', () => {
  expect(heads({})).toEqual(['kept', 'mask', 'known', 'wrote', 'verdict'])
  const text = words(report).join('\n')
  expect(text).toMatch(/kept +70\.0 % of the picture, outside the mask: every pixel the same, checked in the file/)
  expect(text).toMatch(/wrote +e\.png, s\.png/)
  expect(text).not.toMatch(/odd$|NMSE|implicit|pullback|given-latent/m)
  expect(heads({ mask: null, lock: null, latent: null })).toEqual(['mask', 'wrote', 'verdict'])
})

it('begins with the verdict where the edit is likely to miss', () => {
  const missed = { verdict: 'likely-to-miss', verdictReasons: ['the model does not know such pictures'] } as const
  expect(heads(missed)).toEqual(['verdict', 'kept', 'mask', 'known', 'wrote'])
  expect(words({ ...report, ...missed })[1]).toMatch(/likely to miss: the model does not know such pictures\.$/)
})

it('says how much was allowed outside the mask, and of how much', () => {
  const allowed = { lock: { ...report.lock!, boundLevels: 3 }, background: { ...levels, largestLevels: 2 } }
  expect(words({ ...report, ...allowed } as EditReport).join()).toContain('at most 2 levels of 3 allowed')
})
