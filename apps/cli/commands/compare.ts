/** `undiffuse compare`: several inverters and solvers on one picture, in one table. */
import { naive } from 'undiffuse'
import {
  type ComparisonReport,
  type ComparisonRow,
  compareOperation,
  errorDecibels,
  percent,
  promptText,
  walkedSolver,
} from 'undiffuse/operations'
import type { OperationCommand } from '../operation-command.js'
import { costLines, wroteLines } from '../words.js'

const details = `
A prompt is made into a picture first, once for each solver, so that its noise is known. Each inverter then goes back to the
noise twice: from the exact latent, and from the 8-bit picture alone. From the noise that was found the picture is made again.
Of a file nobody knows the noise, unless \`--noise\` tells it: only the pixels that come back are told. A file of a latent
(.safetensors, .npy) is gone back from as it is; a note tells where its numbers are rounded, and where they look like noise.
A file of noise tells the prompt and the guidance too, where you say none.

The table has a line for each way: from the latent, and from the picture. Of a file there is its own alone. With
\`--from latent\` the rows from the picture are left out, and no picture is inverted: that is most of the time. With
guidance the network is asked twice, and both are counted: \`naive\` has 2.0 a step. "Solved" tells how many steps were undone.
"Exact" tells what the noise is exact given, and is measured: how far
the latent that this noise makes is from the one that was inverted. "Roots" tells whether other noises may lead to the same latent. Only \`implicit\`, \`branching\` and \`automatic\`
look; where the others solved steps, nobody has checked.

Solvers that name no spacing, or \`spacing=lambda\` alone, take levels even in lambda that end above sigma = 0: all steps can be undone.
So \`ddim\` is \`ddim:spacing=lambda\` here, as the table spells it. \`--grid own\` keeps their own, as \`ddim\` means elsewhere. A file's own text tells prompt,
guidance and solver where you say none. Where you compare other solvers, a note says so.

An inverter that does not take a solver is told with its reason before the first row. Where no other than \`naive\` takes it, a row of
\`automatic\` is added, which undoes most solvers.
Where no inverter takes a solver, nothing is made: that is unsupported.

With \`--output\` the noise of every row is kept for \`undiffuse generate --noise\`: a file for each way, as soon as its row is done. A
folder gets .safetensors files; of \`a.npy\` the names begin with \`a-\`. An interruption keeps those. With \`--report\` the table, a chart of error against cost and a sheet of pictures go to a folder.`

const examples = [
  'compare "a large red ball at the top, on blue stripes"',
  'compare "a small green star at the top" --inverters naive implicit --solvers ddim bdia --report out',
  'compare photo.png --inverters implicit --steps 20 --json',
] as const

/** A table is at most so wide: two windows side by side, or a page. */
const tableColumns = 120

type LegReport = NonNullable<ComparisonRow['fromLatent']>

const heads = ['from', 'runs', 'a step', 'time', 'solved', 'exact', 'roots', 'noise', 'pixels']

const fromMeanings = {
  latent: 'the latent itself, with what its solver remembered there, where that is known',
  picture: 'its 8 bits alone: the latent is found from them',
} as const

const exactMeanings: Readonly<Record<string, string>> = {
  latent: 'the latent that was inverted',
  memory: 'that latent, and what its solver remembered',
  image: 'the picture',
  no: 'nothing: it makes another latent, or a step was not undone',
}

const rootsMeanings: Readonly<Record<string, string>> = {
  'one found': 'no other was found from other starts',
  several: 'some were found: this noise is one of them',
  'none found': 'no start solved some step',
  'not tried': 'some step may have several, and no other start was made there (`restarts` makes some)',
  'not checked': 'this inverter does not look: another noise may lead to the same latent',
  'none seen': 'no step looked as if it had several; that proves nothing',
  '–': 'no step was solved',
}

const rootsText: Readonly<Record<NonNullable<LegReport['roots']>, string>> = {
  'unique as far as tried': 'one found',
  'several roots': 'several',
  'none found': 'none found',
  'not tried': 'not tried',
  'not checked': 'not checked',
}

const exactWord = ({ exact }: LegReport): string => exact.replace('given-', '')

const rootsWord = ({ roots, convergedSteps }: LegReport): string =>
  roots !== null ? rootsText[roots] : convergedSteps > 0 ? 'none seen' : '–'

const exactText = (leg: LegReport): string =>
  `${exactWord(leg)}${leg.exact === 'no' ? ',' : ''} ${leg.latentAgainNmseDb.toFixed(0)} dB`

/** What most inverters solve a step to. */
const usualResidual = 1e-5

/** `20/20`, and `20/20 to 2e-2` where the inverter is content with more than is usual. */
function solvedText(leg: LegReport, steps: number): string {
  const { convergedSteps, convergedResidual } = leg
  return `${convergedSteps}/${steps}${isCoarse(leg) ? ` to ${convergedResidual!.toExponential(0)}` : ''}`
}

const isCoarse = ({ convergedResidual }: LegReport): boolean => (convergedResidual ?? 0) > usualResidual

/** What the words of a table mean: those that stand in it. */
function legendLines(rows: readonly ComparisonRow[]): readonly string[] {
  const [latents, pictures] = [
    rows.flatMap(({ fromLatent }) => fromLatent ?? []),
    rows.flatMap(({ fromPicture }) => fromPicture ?? []),
  ]
  const legs = [...latents, ...pictures]
  const entry = (head: string, lines: readonly string[]) =>
    lines.map((line, i) => `  ${(i === 0 ? head : '').padEnd(legendWidth)}${line}`)
  const explained = (words: readonly string[], meanings: Readonly<Record<string, string>>) =>
    Object.keys(meanings)
      .filter((word) => words.includes(word))
      .map((word) => `${word.padEnd(wordWidth)}${meanings[word]}`)
  const ways = [...(latents.length > 0 ? ['latent'] : []), ...(pictures.length > 0 ? ['picture'] : [])]
  const residual = legs.some(isCoarse) ? ', or as large as is said' : ''
  const isSolved = legs.some(({ convergedSteps }) => convergedSteps > 0)
  const unknown = legs.some(({ noiseNmseDb }) => noiseNmseDb === null) ? '; – where nobody knows' : ''
  return [
    '',
    ...entry('from', explained(ways, fromMeanings)),
    ...entry('runs', ['evaluations of the network, in all and a step; time is of the way back alone']),
    ...entry('solved', [`steps undone, of all${isSolved ? `; their residual is at most 1e-5${residual}` : ''}`]),
    ...entry('exact', [
      'what the noise is exact given, and how far the latent that it makes is from the one that was inverted:',
      ...explained(legs.map(exactWord), exactMeanings),
    ]),
    ...entry('roots', [
      'whether other noises lead to the same latent, by the least certain step:',
      ...explained(legs.map(rootsWord), rootsMeanings),
    ]),
    ...entry('noise', [`its error against the true one: NMSE, 0 dB where it is as large as the noise${unknown}`]),
    ...entry('pixels', ['the share of 8-bit values that come back']),
  ]
}

/** Of the legend: its heads, and the words that it explains. */
const [legendWidth, wordWidth] = [8, 13]

function cellsOf(from: string, leg: LegReport, steps: number): readonly string[] {
  return [
    from,
    `${leg.evaluations}`,
    leg.evaluationsPerStep.toFixed(1),
    `${leg.seconds.toFixed(1)} s`,
    solvedText(leg, steps),
    exactText(leg),
    rootsWord(leg),
    leg.noiseNmseDb === null ? '–' : errorDecibels(leg.noiseNmseDb),
    percent(leg.equalValuesShare),
  ]
}

/** A row of the report is one line, or two: from the latent and from the picture. */
const linesOf = ({ fromLatent, fromPicture, steps }: ComparisonRow): readonly (readonly string[])[] => [
  ...(fromLatent ? [cellsOf('latent', fromLatent, steps)] : []),
  ...(fromPicture ? [cellsOf('picture', fromPicture, steps)] : []),
]

/** A solver, with the spacing of its levels where its text does not say it. */
const solverLine = ({ solver, solverName, steps, spacing }: ComparisonRow): string =>
  `  ${walkedSolver(solver, solverName, steps)}${spacing === null || solver.includes('spacing') ? '' : `, with its own spacing=${spacing}`}`

/** How far the latent that is found from the picture is from the true one: no noise is nearer. Nothing where nobody knows that. */
function latentLines(rows: readonly ComparisonRow[], { solver }: ComparisonRow): readonly string[] {
  const [db] = rows.flatMap((row) => (row.solver === solver ? (row.fromPicture?.latentNmseDb ?? []) : []))
  return db === undefined ? [] : [`    from the picture: the error of the latent that is found is ${errorDecibels(db)}`]
}

/** The rows of each solver below its name. A name that leaves no room for its numbers has a line of its own. */
export function tableLines(rows: readonly ComparisonRow[]): readonly string[] {
  const walked = rows.filter(({ refusal }) => refusal === null)
  if (walked.length === 0) return []
  const cells = walked.map(linesOf)
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.flat().map((line) => line[i]!.length)))
  const numbers = (line: readonly string[]) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  const room = tableColumns - numbers(heads).length - 6
  const names = walked.map(({ inverter }) => inverter)
  const width = Math.max('inverter'.length, ...names.map(({ length }) => length).filter((length) => length <= room))
  const line = (name: string, text: string) => `    ${name.padEnd(width)}  ${text}`
  return [
    line('inverter', numbers(heads)),
    ...walked.flatMap(({ solver, inverter }, i) => [
      ...(solver === walked[i - 1]?.solver ? [] : [solverLine(walked[i]!), ...latentLines(walked, walked[i]!)]),
      ...(inverter.length > width ? [`    ${inverter}`] : []),
      ...cells[i]!.map((one, j) => line(j === 0 && inverter.length <= width ? inverter : '', numbers(one))),
    ]),
    ...legendLines(walked),
  ]
}

/** What to do about steps that were not solved, each once with the rows that it is of. Naive inversion solves none. */
export function remedyLines(rows: readonly ComparisonRow[]): readonly string[] {
  const told = rows.flatMap(({ inverter, solver, fromLatent, fromPicture }) => {
    if (inverter.split(':')[0] === naive.definition.id) return []
    const [latent, picture] = [fromLatent?.remedy ?? null, fromPicture?.remedy ?? null]
    const row = `${inverter} on ${solver}`
    const areBoth = fromLatent !== null && fromPicture !== null
    if (latent !== null && latent === picture) return [{ remedy: latent, row }]
    return [
      ...(latent === null ? [] : [{ remedy: latent, row: `${row}${areBoth ? ', from the latent' : ''}` }]),
      ...(picture === null ? [] : [{ remedy: picture, row: `${row}${areBoth ? ', from the picture' : ''}` }]),
    ]
  })
  const remedies = [...new Set(told.map(({ remedy }) => remedy))]
  const lines = remedies.flatMap((remedy) => [
    `  not solved: ${told.flatMap((one) => (one.remedy === remedy ? [one.row] : [])).join('; ')}`,
    `    ${remedy}`,
  ])
  return lines.length > 0 ? ['', ...lines] : []
}

/** Errors above this are of another noise; pictures of so many equal values are the same to the eye. */
const [anotherDb, sameShare] = [-20, 0.95]

/** Of steps that were not solved a remedy tells. */
const isOfUnsolved = ({ remedy }: LegReport): boolean => remedy !== null

/** Where another noise makes the picture, that is said: its pixels come back, its noise does not. */
const isOther = (one: LegReport | null): boolean =>
  one !== null &&
  !isOfUnsolved(one) &&
  (one.noiseNmseDb ?? Number.NEGATIVE_INFINITY) > anotherDb &&
  one.equalValuesShare >= sameShare

export function otherNoiseLines({
  rows,
  guidance,
  seed,
}: Pick<ComparisonReport, 'rows' | 'guidance' | 'seed'>): readonly string[] {
  const others = rows.flatMap(({ inverter, solver, fromLatent, fromPicture }) => [
    ...(isOther(fromLatent) ? [`${inverter} on ${solver}, from the latent`] : []),
    ...(isOther(fromPicture) ? [`${inverter} on ${solver}, from the picture`] : []),
  ])
  return others.length > 0
    ? [
        '',
        `  found another noise that makes the same picture (${sameShare * 100} % of the values, noise above ${anotherDb} dB):`,
        ...others.map((one) => `    ${one}`),
        guidance === 1
          ? `    Was it made with this prompt, guidance and solver${seed === null ? ', and is `--noise` its own' : ''}? Others lead to other noises.`
          : `    ${seed === null ? 'Is `--noise` its own? ' : ''}Guidance brings noises together, Heun's steps less than others: docs/noise-inversion.md, "Strong guidance".`,
      ]
    : []
}

/** By so much a noise may be farther from the true one than its latent is from the one that was inverted. */
const usualGapDb = 40

/** Where the latent comes back and the noise is less exact by far, although every step was solved. */
export function lostDigitsLines({ rows, guidance }: Pick<ComparisonReport, 'rows' | 'guidance'>): readonly string[] {
  const hasLost = (one: LegReport | null): boolean =>
    one !== null &&
    !isOfUnsolved(one) &&
    !isOther(one) &&
    one.convergedSteps > 0 &&
    (one.noiseNmseDb ?? Number.NEGATIVE_INFINITY) > one.latentAgainNmseDb + usualGapDb
  const lost = rows.flatMap(({ inverter, solver, fromLatent }) =>
    guidance !== 1 && hasLost(fromLatent) ? [`    ${inverter} on ${solver}`] : [],
  )
  return lost.length > 0
    ? [
        '',
        '  made the latent again far more exactly than the noise was found, from the latent:',
        ...lost,
        '    Guidance loses digits of the noise, or a step has another root near by: `--precision 64` keeps more of',
        '    what is made in it. See docs/noise-inversion.md, "Strong guidance".',
      ]
    : []
}

/** Why rows have no numbers, and which nobody asked for. */
function refusalLines(rows: readonly ComparisonRow[]): readonly string[] {
  const lines = rows.flatMap(({ solver, inverter, refusal, standsIn }) => [
    ...(refusal === null ? [] : [`  ${inverter} does not take ${solver}: ${refusal}`]),
    ...(standsIn && refusal === null
      ? [`  ${inverter} was added for ${solver}, to show what undoes it, where something does.`]
      : []),
  ])
  return lines.length > 0 ? ['', ...lines] : []
}

function words(report: ComparisonReport): readonly string[] {
  const { model, picture, latent, prompt, seed, guidance, rows, decoder } = report
  const isFromPicture = rows.some(({ fromPicture }) => fromPicture !== null)
  return [
    `${[picture ?? latent ?? [], promptText(prompt)].flat().join(', ')}${seed === null ? '' : `, seed ${seed}`}`,
    `  by           ${model}, guidance ${guidance}${isFromPicture ? `, decoder inversion by ${decoder}` : ''}`,
    '',
    ...tableLines(rows),
    ...remedyLines(rows),
    ...otherNoiseLines(report),
    ...lostDigitsLines(report),
    ...refusalLines(rows),
    '',
    ...costLines(report),
    ...wroteLines({ ...report.outputs }),
  ]
}

export const command: OperationCommand<typeof compareOperation.fields, ComparisonReport> = {
  operation: compareOperation,
  details,
  examples,
  words,
}
