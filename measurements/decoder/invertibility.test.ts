import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAutoencoderNetworks, Task } from 'undiffuse'
import { nodeFiles, ortNode } from 'undiffuse/node'
import { expect, test } from 'vitest'
import { type Invertibility, measureInvertibility } from './invertibility.js'
import { invertibilityPlot, invertibilitySheet, invertibilityText, verdictOf } from './invertibility-text.js'
import type { Row } from './sweep.js'

const miniature = join(fileURLToPath(new URL('../../test/golden', import.meta.url)), 'autoencoder-tiny')

/** Starting processes takes seconds each where other work is running. */
const slow = 180_000

const row = (method: string, mean: number) => ({ method, nmseDb: { mean, halfWidth: 1 } }) as Row
const measured = {
  cocoercivity: { median: 1, least: 0.4, positiveShare: 1, largestStep: 0.8 },
  halfPrecision: { finite: true, latentDb: -60, imagePsnrDb: 80 },
  rounding: { fromFloatDb: -45, from8BitDb: -30 },
  fixedPointError: { mean: 0.1, halfWidth: 0.01 },
  methods: [row('encoder only', -20), row('automatic', -30)],
} as unknown as Invertibility

test('the verdict follows the gain over the encoder', () => {
  expect(verdictOf(measured)).toMatchObject({ invertible: 'well', halfPrecisionSuffices: true })
  const gaining = (mean: number) =>
    verdictOf({ ...measured, methods: [row('encoder only', -20), row('automatic', mean)] }).invertible
  expect([gaining(-23), gaining(-20.5), gaining(-19)]).toEqual(['partly', 'hardly', 'hardly'])
})

test('16 bits suffice only when their error drowns in that of inversion', () => {
  const suffices = (halfPrecision: Invertibility['halfPrecision']) =>
    verdictOf({ ...measured, halfPrecision }).halfPrecisionSuffices
  expect(suffices({ finite: true, latentDb: -35, imagePsnrDb: 80 })).toBe(false)
  expect(suffices({ finite: false })).toBe(false)
  expect(verdictOf({ ...measured, halfPrecision: { finite: false } }).sentences.join(' ')).toContain('overflow')
})

test('a model that is not cocoercive has no safe step', () => {
  const cocoercivity = { median: 0.1, least: -0.2, positiveShare: 0.75, largestStep: 0 }
  expect(verdictOf({ ...measured, cocoercivity }).sentences.join(' ')).toMatch(/75 % of runs.*no safe size/)
})

test('the report of a miniature checkpoint: every number is there, and text, chart and sheet are drawn', {
  timeout: slow,
}, async () => {
  const networks = await openAutoencoderNetworks(nodeFiles, miniature)
  const open = () => ortNode({ threads: 1 })
  const { measured, examples } = await new Task(measureInvertibility(networks, open, { pictures: 2, size: 16 }))
  const numbers = [
    measured.reconstructionPsnrDb.mean,
    measured.fixedPointError.mean,
    measured.cocoercivity.median,
    measured.rounding.fromFloatDb,
    measured.rounding.from8BitDb,
    ...measured.methods.map(({ nmseDb }) => nmseDb.mean),
  ]
  expect(numbers.every(Number.isFinite)).toBe(true)
  expect(measured.cocoercivity.least).toBeLessThanOrEqual(measured.cocoercivity.median)
  expect(invertibilityText(measured)).toContain('Invertibility of autoencoder-tiny')
  expect(await invertibilityPlot(measured)).toMatch(/^<svg/)
  expect([...(await invertibilitySheet(examples, measured.model)).subarray(1, 4)]).toEqual([...Buffer.from('PNG')])
})
