/** The table of `compare`: both ways of every row, in the room of a page. */
import type { ComparisonRow } from 'undiffuse/operations'
import { expect, it } from 'vitest'
import { command, lostDigitsLines, otherNoiseLines, remedyLines, tableLines } from './compare.js'

const leg = {
  evaluations: 12_345,
  evaluationsPerStep: 246.9,
  seconds: 123.4,
  noiseNmseDb: -120.3,
  latentNmseDb: 0,
  exact: 'given-latent',
  latentAgainNmseDb: -108.4,
  outcome: 'converged',
  remedy: null,
  convergedSteps: 50,
  largestResidual: 3.2e-2,
  convergedResidual: 9.7e-6,
  roots: 'not checked',
  equalValuesShare: 1,
  psnrDb: 50,
  noiseFile: null,
} as const satisfies ComparisonRow['fromLatent']

const row = (inverter: string, more: Partial<ComparisonRow> = {}): ComparisonRow => ({
  solver: 'ddim:spacing=lambda,steps=50',
  solverName: 'ddim',
  spacing: 'lambda',
  inverter,
  steps: 50,
  refusal: null,
  standsIn: false,
  fromLatent: leg,
  fromPicture: { ...leg, exact: 'no', latentAgainNmseDb: -12.3, convergedSteps: 41, roots: 'not tried' },
  ...more,
})

const inverter = 'implicit:iteration=picard'
const long = 'implicit:iteration=picard,restarts=8,tolerance=0.0000001'

it('tells of both ways what was solved, and how far the latent is that the noise makes', () => {
  const lines = tableLines([row(inverter)])
  expect(lines.filter((line) => line.includes(inverter))).toHaveLength(1)
  expect(lines.find((line) => line.includes(' latent  '))).toMatch(/50\/50 +latent -108 dB +not checked +-120\.3 dB/)
  expect(lines.find((line) => line.includes(' picture  '))).toMatch(/41\/50 +no, -12 dB +not tried/)
})

it('says once for each solver how far the latent of the picture is from the true one, where that is known', () => {
  const near = { ...leg, latentNmseDb: -24.3 }
  const found = tableLines([row('naive', { fromPicture: near }), row(inverter, { fromPicture: near })])
  expect(found.filter((line) => line.includes('error of the latent'))).toEqual([
    '    from the picture: the error of the latent that is found is -24.3 dB',
  ])
  const unknown = tableLines([row('naive', { fromPicture: { ...leg, latentNmseDb: null } })])
  expect(unknown.join()).not.toContain('error of the latent')
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
})

it('says what a scheduler stands for, and its steps', () => {
  const flow = { solver: 'scheduler', solverName: 'flow-euler', spacing: null, steps: 30 }
  expect(tableLines([row(inverter, flow)])).toContain('  scheduler (flow-euler, 30 steps)')
  const cleanest = { ...flow, solver: 'scheduler:end=cleanest' }
  expect(tableLines([row(inverter, cleanest)])).toContain('  scheduler:end=cleanest (flow-euler, 30 steps)')
})

it('says what an inverter is content with, where that is more than the others are', () => {
  const coarse = { ...leg, convergedResidual: 1.59e-2 }
  const lines = tableLines([row('algorithm-1', { fromLatent: coarse }), row(long, { fromLatent: coarse })])
  expect(lines.find((line) => line.includes(' latent  '))).toMatch(/50\/50 to 2e-2 +latent -108 dB/)
  expect(lines.find((line) => line.includes(' picture  '))).toMatch(/41\/50 +no/)
  expect(lines.filter((line) => line.length > 120)).toEqual([])
})

it('tells nothing of what refuses', () => {
  const naive = {
    ...leg,
    exact: 'no',
    latentAgainNmseDb: -20,
    convergedSteps: 0,
    convergedResidual: null,
    roots: null,
  } as const
  const [, , line] = tableLines([row('naive', { fromLatent: naive, fromPicture: null })])
  expect(line).toMatch(/0\/50 +no, -20 dB +– /)
  expect(tableLines([row('naive', { refusal: 'Because.', fromLatent: null, fromPicture: null })])).toEqual([])
})

it('explains every word that it can show of roots', () => {
  const words = ['unique as far as tried', 'several roots', 'none found', 'not tried', 'not checked', null] as const
  for (const roots of words) {
    const lines = tableLines([row(inverter, { fromLatent: { ...leg, roots }, fromPicture: null })])
    const shown = /latent -108 dB +(.+?) +-120/.exec(lines[2]!)![1]!
    expect(lines.slice(3).filter((line) => line.startsWith(`          ${shown} `))).toHaveLength(1)
  }
})

it('explains what stands in the table, and nothing else', () => {
  const naive = { ...leg, exact: 'no', convergedSteps: 0, convergedResidual: null, roots: null } as const
  const alone = tableLines([row('naive', { fromLatent: naive, fromPicture: null })]).join('\n')
  for (const shown of ['latent       the latent', 'no           nothing', '–            no step'])
    expect(alone).toContain(shown)
  for (const absent of ['8 bits alone', '1e-5', 'memory', 'image', 'unique', 'not checked', 'nobody knows'])
    expect(alone).not.toContain(absent)
  const memory = { ...leg, exact: 'given-memory', noiseNmseDb: null, convergedResidual: 2e-2 } as const
  const both = tableLines([row('naive', { fromLatent: naive }), row('reversible', { fromLatent: memory })]).join('\n')
  for (const shown of ['8 bits alone', 'at most 1e-5, or', 'memory       that', 'not tried', 'nobody knows'])
    expect(both).toContain(shown)
})

it('says once what to do about steps that were not solved, and names their rows', () => {
  const remedy = 'Sample with more steps.'
  const short = { ...leg, convergedSteps: 49, remedy }
  const rows = [
    row('naive', { fromLatent: { ...leg, convergedSteps: 0, remedy: 'Use another.' }, fromPicture: null }),
    row('implicit', { fromLatent: short, fromPicture: short }),
    row('automatic', { fromLatent: short, fromPicture: null }),
    row('sweep', { fromLatent: { ...short, convergedSteps: 0 }, fromPicture: null }),
  ]
  const solver = 'ddim:spacing=lambda,steps=50'
  expect(remedyLines(rows)).toEqual([
    '',
    `  not solved: implicit on ${solver}; automatic on ${solver}; sweep on ${solver}`,
    '    Sample with more steps.',
  ])
  expect(remedyLines([row('implicit')])).toEqual([])
  const one = remedyLines([row('implicit', { fromPicture: { ...short, remedy: 'Another.' } })])
  expect(one[1]).toBe(`  not solved: implicit on ${solver}, from the picture`)
})

it('says where another noise makes the same picture', () => {
  const other = { ...leg, noiseNmseDb: -1.3, equalValuesShare: 0.976 }
  expect(
    otherNoiseLines({ rows: [row('implicit', { fromPicture: other })], guidance: 7.5, seed: 0 }).join(' '),
  ).toContain('Guidance brings')
  const plain = { rows: [row('implicit', { fromPicture: other })], guidance: 1, seed: 0 }
  expect(otherNoiseLines(plain).join(' ')).toMatch(/with this prompt, guidance and solver\?/)
  // Of a file the noise was told by whoever asks.
  expect(otherNoiseLines({ ...plain, seed: null }).join(' ')).toContain('and is `--noise` its own?')
  expect(otherNoiseLines(plain).join(' ')).toContain('    implicit on ddim:spacing=lambda,steps=50, from the picture')
  expect(
    otherNoiseLines({
      rows: [row('implicit', { fromPicture: { ...other, equalValuesShare: 0.07 } })],
      guidance: 7.5,
      seed: 0,
    }),
  ).toEqual([])
  expect(
    otherNoiseLines({
      rows: [row('implicit', { fromPicture: { ...other, noiseNmseDb: null } })],
      guidance: 7.5,
      seed: 0,
    }),
  ).toEqual([])
})

it('shows on its first page what its note names: the noise of a picture', () => {
  expect(command.operation.fields.noise).not.toHaveProperty('rare')
})

it('says where a noise is found less exactly than the latent that it makes', () => {
  const lost = { ...leg, noiseNmseDb: -46, latentAgainNmseDb: -119 }
  const lines = lostDigitsLines({ rows: [row('implicit', { fromLatent: lost }), row('branching')], guidance: 7.5 })
  expect(lines[2]).toBe('    implicit on ddim:spacing=lambda,steps=50')
  expect(lines.join(' ')).toMatch(/another root near by: `--precision 64`/)
  expect(lines).toHaveLength(5)
  expect(lostDigitsLines({ rows: [row('implicit', { fromLatent: lost })], guidance: 1 })).toEqual([])
  const unsolved = { ...lost, remedy: 'Sample with more steps.' }
  expect(lostDigitsLines({ rows: [row('implicit', { fromLatent: unsolved })], guidance: 7.5 })).toEqual([])
})
