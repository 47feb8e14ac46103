/** Inversions in words: what `invert` and `roundtrip` say of latents and noise. */
import type { Exactness, InvertedStep, LatentInversion } from 'undiffuse'
import { decibels, type FloorNumbers, type LatentReport, type NoiseNumbers, plural } from 'undiffuse/operations'
import { evaluationText } from './words.js'

const whyText: Readonly<Record<NonNullable<LatentInversion['why']>, string>> = {
  'nothing-to-gain': 'more steps are expected to gain nothing',
  'rounding-reached': 'rounding explains what is left',
  'budget-spent': 'the budget is spent',
  'encoder-nearer': "no other latent came nearer than the encoder's",
}

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** The error of the latent to expect, which pixels do not tell, and why the method stopped. */
export function expectedText(latents: readonly LatentReport[]): string {
  const known = latents.flatMap(({ expectedLatentNmseDb: error }) => (error === undefined ? [] : [error]))
  const error =
    known.length === 0 ? 'error unknown' : `expected error ${mean(known).toFixed(1)} dB, if the model made the picture`
  const reasons = [...new Set(latents.flatMap(({ why }) => (why === undefined ? [] : [whyText[why]])))]
  return [error, ...reasons].join('; ')
}

const exactnessText: Readonly<Record<Exactness, string>> = {
  'given-image': 'exact given the picture: sampled again, it makes its 8 bits',
  'given-latent': 'exact given the latent: sampled again, it leads to it',
  'given-memory': "exact given the latent and the solver's memory",
  no: 'not exact: not every step was undone',
}

/** Our own inverters end at 1e-5 of the noise in a step, or less; others stop early, and then what is exact is loosely so. */
const looseResidual = 1e-4

/** Of solvers that round, how near this can be; of others what it is exact given, and how loosely. */
function exactText({ exact, roundingDb }: NoiseNumbers['noise'], largestResidual: number): string {
  if (roundingDb !== undefined) return `not exact: rounding left ${roundingDb.toFixed(1)} dB of it unknown`
  const isLoose = exact !== 'no' && largestResidual > looseResidual
  return `${exactnessText[exact]}${isLoose ? `, to ${largestResidual.toExponential(0)} of the noise in a step` : ''}`
}

/** How steps ended, and by which other way: `48 converged (1 by picard), 2 exhausted`. */
function outcomesText(steps: readonly Pick<InvertedStep, 'outcome' | 'by'>[]): string {
  const names = [...new Set(steps.map(({ outcome }) => outcome))]
  return names
    .map((name) => {
      const all = steps.filter(({ outcome }) => outcome === name)
      const ways = [...new Set(all.flatMap(({ by }) => (by === undefined ? [] : [by])))]
      const told = ways.map((way) => `${all.filter(({ by }) => by === way).length} by ${way}`).join(', ')
      return `${all.length} ${name}${told === '' ? '' : ` (${told})`}`
    })
    .join(', ')
}

/** Whether steps have other roots, as far as they were looked for. */
function rootsText({ steps, noise: { roots }, convergedSteps }: NoiseNumbers, guidance: number): readonly string[] {
  if (roots === 'not checked') return [uncheckedText]
  const all = steps.flatMap(({ roots }) => (roots ? [roots] : []))
  if (all.length === 0) return convergedSteps > 0 ? unseenText(guidance) : []
  const checked = all.filter(({ tried }) => tried > 0)
  const untried = untriedText(all.length - checked.length)
  if (checked.length === 0) return untried
  const several = checked.filter(({ answer }) => answer === 'several roots')
  const none = checked.filter(({ answer }) => answer === 'none found').length
  const tried = `${plural(checked.length, 'step')}, ${checked.reduce((sum, one) => sum + one.tried, 0)} other starts`
  const most = Math.max(...several.map(({ found }) => found))
  return [
    several.length > 0
      ? `  roots        several at ${plural(several.length, 'step')}, up to ${most}: another noise may make the same (${tried})`
      : `  roots        ${none === checked.length ? 'none found' : 'unique as far as tried'} (${tried})`,
    ...(none > 0 && none < checked.length ? [`               none found at ${plural(none, 'step')}`] : []),
    ...untried,
  ]
}

/** Of inverters that do not look for others. */
const uncheckedText = '  roots        not checked by this inverter: another noise may lead to the same latent'

/** Above this several noises often make one latent, and no step needs to show it. */
const strongGuidance = 3

/** Of steps that looked as if each had one root. */
const unseenText = (guidance: number): readonly string[] =>
  guidance <= strongGuidance
    ? []
    : [
        `  roots        none seen, which proves nothing: at guidance ${guidance} another noise may make the same latent`,
        '               (docs/noise-inversion.md, "Strong guidance")',
      ]

/** Of steps that may have several, and were not asked. */
const untriedText = (count: number): readonly string[] =>
  count === 0
    ? []
    : [
        `  roots        not tried at ${plural(count, 'step')} that may have several: another noise may lead to the same latent`,
        '               (`--inverter implicit:restarts=8` looks for others, at about 80 evaluations a step)',
      ]

/** So many deviations of ‖n‖² from what N(0, I) has: no sampler has drawn that. */
const unusual = 4

/** Said where the noise is not one that a sampler draws, although it makes the picture. */
function priorText({ squarePerNumber, numbers }: NoiseNumbers['noise']): readonly string[] {
  const deviation = Math.sqrt(2 / numbers)
  if (Math.abs(squarePerNumber - 1) <= unusual * deviation) return []
  const usual = `1.00 ± ${deviation.toFixed(2)}`
  return [
    `  prior        its mean square is ${squarePerNumber.toFixed(2)}, where drawn noise has ${usual}: it was not drawn`,
  ]
}

const residualText = (largest: number): string =>
  Number.isFinite(largest) ? `at most ${largest.toExponential(1)}` : 'not known'

export const psnrLine = (before: number | null, after: number | null): string =>
  `  latent       PSNR ${decibels(before)} → ${decibels(after)}  (encoder alone → inverted, as 8-bit pictures)`

/** How the latent and the noise were found, as lines below a heading. */
export function noiseLines(latent: LatentReport | null, found: NoiseNumbers, guidance: number): readonly string[] {
  const { noise, largestResidual, refinement, remedy, steps, evaluations } = found
  const each = (evaluations.denoises + evaluations.pullbacks) / steps.length
  return [
    ...(latent
      ? [
          psnrLine(latent.psnrBeforeDb, latent.psnrAfterDb),
          `               ${latent.outcome}; ${latent.exact === 'no' ? 'not exact: it decodes to other 8-bit values' : 'exact given the picture'}`,
        ]
      : []),
    ...(refinement
      ? [
          `  refined      by ${refinement.name}, ${plural(refinement.rounds, 'round')}: objective ${refinement.objectiveBefore.toFixed(0)} → ${refinement.objectiveAfter.toFixed(0)}`,
        ]
      : []),
    `  steps        ${outcomesText(steps)}; residual ${residualText(largestResidual)}  (share of the noise in a step)`,
    ...(remedy === undefined ? [] : [`  remedy       ${remedy}`]),
    ...rootsText(found, guidance),
    `  noise        mean ${noise.mean.toFixed(3)}, deviation ${noise.deviation.toFixed(3)}; ${exactText(noise, largestResidual)}`,
    ...priorText(noise),
    `  evaluations  ${evaluationText(evaluations)}; ${each.toFixed(1)} a step`,
  ]
}

export const floorText = ({ nmseDb, lowDb, highDb, probes }: FloorNumbers): string =>
  lowDb !== undefined && highDb !== undefined
    ? `${nmseDb.toFixed(1)} dB (${lowDb.toFixed(1)} to ${highDb.toFixed(1)}, ${probes} probes)`
    : `${nmseDb.toFixed(1)} dB`
