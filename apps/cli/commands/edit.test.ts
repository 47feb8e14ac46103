/** What `edit` says of an edit that is not exact. */
import type { EditReport } from 'undiffuse/operations'
import { expect, it } from 'vitest'
import { inexactLines, stepsText, words } from './edit.js'

const lock = { boundLevels: 0, featherPixels: 8, largestLevels: 0, largestLevelsBefore: 3 }
const of = (more: Partial<EditReport>) =>
  inexactLines({ exact: 'no', outcome: 'exhausted', method: 'exact-blending', lock, ...more } as EditReport).join('\n')

it('says what to do where steps were not solved, and that the lock does not depend on it', () => {
  expect(of({})).toMatch(/not solved to the end.*guideFrom=source.*--guidance.*--steps[\s\S]*does not depend/)
  expect(of({ outcome: 'diverged' })).toMatch(/blew up.*guideFrom=source/)
  expect(of({ lock: null })).not.toContain('lock ')
})

it('names methods that promise more where this one solves no step', () => {
  expect(of({ method: 'naive:dilation=0' })).toMatch(/`exact-blending` and `bdia-round-trip` promise more/)
})

it('says first what came of it and where it lies, then what was measured, and no note', () => {
  const report = {
    ...{ picture: 'a.png', from: 'a', to: 'b', model: 'm', method: 'exact-blending', solver: 'ddim', guidance: 3 },
    ...{ steps: 20, plannedSteps: 20, exact: 'given-latent', outcome: 'converged', latent: null, lock: null },
    ...{
      mask: null,
      background: null,
      backgroundBefore: null,
      notes: ['odd'],
      outputs: { picture: 'e.png', sheet: 's.png' },
    },
    evaluations: { denoises: 1, pullbacks: 0, autoencoder: { encodes: 1, decodes: 1, roundTrips: 0, pullbacks: 0 } },
    ...{ seconds: 1, networkSeconds: 1, openingSeconds: 1, overheadShare: 0, peakMemoryBytes: 1 },
  }
  const lines = words(report as unknown as EditReport)
  expect(lines.slice(1, 5).map((line) => line.trim().split(' ')[0])).toEqual(['mask', 'wrote', 'sheet', 'measured'])
  expect(lines.join('\n')).toMatch(/way back +solved exactly \(given-latent.*says nothing of the edit/)
  expect(lines.join('\n')).not.toContain('odd')
})

it('says why fewer steps are walked than were asked for', () => {
  expect(stepsText({ steps: 16, plannedSteps: 20 })).toMatch(/^16 of 20 steps .*`strength`/)
  expect(stepsText({ steps: 20, plannedSteps: 20 })).toBe('20 steps')
})

it('says nothing of an exact one', () => {
  expect(of({ exact: 'given-latent', outcome: 'converged' })).toBe('')
})
