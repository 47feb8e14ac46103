/** The table of `compare`: both ways of every row, in the room of a page. */
import type { ComparisonRow } from 'undiffuse/operations'
import { expect, it } from 'vitest'
import { tableLines } from './compare.js'

const leg = {
  evaluations: 12_345,
  evaluationsPerStep: 246.9,
  seconds: 123.4,
  noiseNmseDb: -120.3,
  latentNmseDb: 0,
  exact: 'given-latent',
  outcome: 'converged',
  convergedSteps: 50,
  largestResidual: 3.2e-2,
  roots: 'not checked',
  equalValuesShare: 1,
  psnrDb: 50,
  noiseFile: null,
} as const satisfies ComparisonRow['fromLatent']

const row = (inverter: string, more: Partial<ComparisonRow> = {}): ComparisonRow => ({
  solver: 'ddim:spacing=lambda,steps=50',
  spacing: 'lambda',
  inverter,
  steps: 50,
  refusal: null,
  standsIn: false,
  fromLatent: leg,
  fromPicture: { ...leg, exact: 'no', convergedSteps: 41, largestResidual: 0.5, roots: 'not tried' },
  ...more,
})

const inverter = 'implicit:iteration=picard'
const long = 'implicit:iteration=picard,restarts=8,tolerance=0.0000001'

it('tells of both ways what was solved, and to which residual', () => {
  const lines = tableLines([row(inverter)])
  expect(lines.filter((line) => line.includes(inverter))).toHaveLength(1)
  expect(lines.find((line) => line.includes(' latent '))).toMatch(/50\/50 +latent to 3e-2 +not checked +-120\.3 dB/)
  expect(lines.find((line) => line.includes(' picture '))).toMatch(/41\/50 +no, 5e-1 +not tried/)
})

it('is at most 120 columns wide, whatever the names', () => {
  const lines = tableLines([row(inverter), row(long), row('naive', { fromLatent: null })])
  expect(lines.filter((line) => line.length > 120)).toEqual([])
  expect(lines).toContain(`    ${long}`)
})

it('says how levels are spaced where the name of a solver does not', () => {
  const own = { solver: 'ddim:steps=50', spacing: 'linspace' }
  expect(tableLines([row(inverter, own)])).toContain('  ddim:steps=50, with its own spacing=linspace')
  expect(tableLines([row(inverter)])).toContain('  ddim:spacing=lambda,steps=50')
  expect(tableLines([row(inverter, { solver: 'scheduler', spacing: null })])).toContain('  scheduler')
})

it('knows no residual of what solves nothing, and nothing of what refuses', () => {
  const naive = {
    ...leg,
    exact: 'no',
    largestResidual: Number.POSITIVE_INFINITY,
    convergedSteps: 0,
    roots: null,
  } as const
  const [, , line] = tableLines([row('naive', { fromLatent: naive, fromPicture: null })])
  expect(line).toMatch(/0\/50 +no +– /)
  expect(tableLines([row('naive', { refusal: 'Because.', fromLatent: null, fromPicture: null })])).toEqual([])
})

it('explains every word that it can show of roots', () => {
  const words = ['unique as far as tried', 'several roots', 'none found', 'not tried', 'not checked', null] as const
  for (const roots of words) {
    const lines = tableLines([row(inverter, { fromLatent: { ...leg, roots }, fromPicture: null })])
    const shown = /latent to 3e-2 +(.+?) +-120/.exec(lines[2]!)![1]!
    expect(lines.slice(3).filter((line) => line.startsWith(`          ${shown} `))).toHaveLength(1)
  }
})
