/** What is said of steps, their roots and the noise. */
import { describe, expect, it } from 'vitest'
import { noiseLines } from './inversion-words.js'

const step = { fromTime: 10, toTime: 1, residual: 1e-6, outcome: 'converged', iterations: 3, evaluations: 4 } as const
const found = (more: object = {}, noise: object = {}, guidance = 3) =>
  noiseLines(
    null,
    {
      noise: {
        exact: 'given-latent',
        roots: null,
        outcome: 'converged',
        mean: 0,
        deviation: 1,
        squarePerNumber: 1.05,
        numbers: 1024,
        ...noise,
      },
      largestResidual: 1e-6,
      convergedResidual: 1e-6,
      convergedSteps: 2,
      steps: [step, step],
      evaluations: { denoises: 8, pullbacks: 0, autoencoder: { encodes: 0, decodes: 0, roundTrips: 0, pullbacks: 0 } },
      seconds: 1,
      ...more,
    },
    guidance,
  ).join('\n')

describe('an inversion', () => {
  it('says nothing of roots that were not looked for, and of a noise that may have been drawn', () => {
    expect(found()).not.toMatch(/roots|prior|remedy/)
  })

  it('says of strong guidance that no sign of other roots proves nothing', () => {
    expect(found({}, {}, 7.5)).toMatch(/roots +none seen, which proves nothing: at guidance 7\.5.*\n.*Strong guidance/)
    expect(found({ convergedSteps: 0 }, {}, 7.5)).not.toMatch(/roots/)
  })

  it('says where nobody looked for roots, and where what is exact is loosely so', () => {
    expect(found({}, { roots: 'not checked' })).toMatch(/roots +not checked by this inverter: another noise/)
    expect(found()).toMatch(/it leads to it$/m)
    expect(found({ largestResidual: 0.03 })).toMatch(/it leads to it, to 3e-2 of the noise in a step$/m)
    expect(found({ largestResidual: 0.03 }, { exact: 'no' })).not.toMatch(/3e-2 of the noise/)
  })

  it('says what restarts found', () => {
    const unique = { answer: 'unique as far as tried', found: 1, tried: 8 } as const
    const untried = { answer: 'not tried', found: 1, tried: 0 } as const
    const several = { answer: 'several roots', found: 3, tried: 8 } as const
    const steps = (...roots: object[]) => ({ steps: roots.map((one) => ({ ...step, roots: one })) })
    expect(found(steps(unique, unique))).toMatch(/roots +unique as far as tried \(2 steps, 16 other starts\)/)
    expect(found(steps(unique, several))).toMatch(/roots +several at 1 step, up to 3: another noise may make the same/)
    expect(found(steps(untried, untried))).toMatch(/roots +not tried at 2 steps.*another noise.*\n.*restarts=8/)
    expect(found(steps(unique, untried))).toMatch(
      /unique as far as tried \(1 step, 8 other starts\)\n.*not tried at 1 step/,
    )
    expect(found(steps({ answer: 'none found', found: 0, tried: 8 }))).toMatch(/roots +none found/)
  })

  it('says what solved a step, what to do, and that a noise was not drawn', () => {
    expect(found({ steps: [step, { ...step, by: 'newton-krylov' }] })).toContain('2 converged (1 by newton-krylov)')
    expect(found({ remedy: 'Do this.' })).toContain('remedy       Do this.')
    expect(found({}, { squarePerNumber: 1.31 })).toMatch(/mean square is 1\.31, where drawn noise has 1\.00 ± 0\.04/)
  })
})
