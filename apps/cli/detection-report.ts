/** What was detected, in numbers and in words. */
import type { Finding, NoiseInversion, Power, Verdict } from 'undiffuse'
import type { FinishedDetection, Prepared } from './detection.js'
import { keyReport, keyText } from './key-files.js'
import { noiseExactness } from './noise-inversion.js'
import { earlierText, type FailedLine } from './picture-lines.js'
import { momentsOf } from './tensor-pictures.js'
import type { Terminal } from './terminal.js'
import { costLines, costReport, decibels, evaluationText, finiteOrNull, percent, plural } from './words.js'

/** What is found in one source. */
export interface Judged {
  readonly name: string
  readonly findings: readonly Finding[]
  /** Pictures that were read, the one that came among them. Absent where the noise was given. */
  readonly candidates?: number
  /** Absent where the noise was given. */
  readonly inversion?: NoiseInversion
  readonly notes: readonly string[]
  readonly seconds: number
}

/** The surest of them. */
const overallVerdict = (findings: readonly Pick<Finding, 'verdict'>[]): Verdict =>
  (['marked', 'undecided', 'unmarked'] as const).find((verdict) => findings.some((one) => one.verdict === verdict)) ??
  'unmarked'

export type DetectionLine = ReturnType<typeof lineOf>

/** One picture as JSON. */
export function lineOf(
  { messages, request }: Prepared,
  { name, findings, candidates, inversion, notes, seconds }: Judged,
) {
  return {
    picture: name,
    verdict: overallVerdict(findings),
    findings: findings.map((finding) => findingReport(finding, messages.get(finding.key), request.reference)),
    candidates: candidates ?? 1,
    recovery: inversion ? recoveryReport(inversion) : null,
    ...(notes.length > 0 && { notes }),
    seconds,
  }
}

function findingReport(finding: Finding, expectedMessage: string | undefined, reference: boolean) {
  const { key, scheme, member, verdict, pValue, familyPValue, basis, undone, reading } = finding
  const { score, message, agreement, distance } = reading
  return {
    key,
    scheme,
    member,
    verdict,
    pValue,
    familyPValue,
    basis,
    undone: undone ?? null,
    score,
    ...(agreement !== undefined && { message: message ?? null, agreementShare: agreement }),
    ...(expectedMessage !== undefined && { isExpectedMessage: message === expectedMessage }),
    ...(reference &&
      distance && {
        reference: {
          pValue: distance.referencePValue,
          meanAbsoluteDistance: distance.meanAbsolute,
          label: 'miscalibrated',
        },
      }),
  }
}

/** How well the picture was taken back to its noise. */
function recoveryReport(inversion: NoiseInversion) {
  const { decoder, outcome, noise, evaluations } = inversion
  return {
    latent: decoder
      ? {
          psnrBeforeDb: finiteOrNull(decoder.psnrBeforeDb),
          psnrAfterDb: finiteOrNull(decoder.psnrAfterDb),
          exact: decoder.exact,
          outcome: decoder.outcome,
        }
      : null,
    noise: { exact: noiseExactness(inversion), outcome, ...momentsOf(noise) },
    evaluations,
  }
}

/** The whole run as JSON. */
export function summaryOf(finished: FinishedDetection) {
  const { prepared, model, settings, counts, power, lines, seconds, cost } = finished
  const { request, keys, falsePositiveRate, calibration } = prepared
  const outputs = outputsOf(finished)
  return {
    model: model ?? null,
    falsePositiveRate,
    keys: keys.map(keyReport),
    member: request.member ?? 0,
    settings,
    calibration: calibration
      ? {
          file: calibration.file,
          pictures: calibration.noises.length,
          smallestPValue: 1 / (calibration.noises.length + 1),
          correlation: calibration.correlation ?? null,
        }
      : null,
    ...counts,
    earlier: finished.earlier,
    power: power.map(({ key, powers }) => ({ key, correlationFrom: correlationFrom(prepared), powers })),
    ...(cost ? costReport({ seconds, cost }) : { seconds }),
    ...(request.out === undefined && { results: lines }),
    ...(request.sheet !== undefined && { sheetRows: finished.rows.length }),
    ...(Object.keys(outputs).length > 0 && { outputs }),
  }
}

/** Files by what they hold. A sheet without a row is not written. */
const outputsOf = ({ prepared: { request }, rows }: FinishedDetection): Readonly<Record<string, string>> => ({
  ...(request.out !== undefined && { results: request.out }),
  ...(request.sheet !== undefined && rows.length > 0 && { sheet: request.sheet }),
})

const correlationFrom = ({ request, calibration }: Prepared) =>
  request.correlation !== undefined ? 'option' : calibration?.correlation !== undefined ? 'calibration' : 'table'

const verdictWidth = 10

/** One of many in a line. */
export function lineText(line: DetectionLine | FailedLine): string {
  if ('error' in line) return `${'failed'.padEnd(verdictWidth)} ${line.picture}: ${line.error.message}`
  const { verdict, picture, findings } = line
  const { familyPValue, key, member, message, isExpectedMessage, undone } = findings[0]!
  const parts = [
    `p ${probability(familyPValue)}`,
    `key ${key}`,
    `member ${member}`,
    ...(typeof message === 'string' && verdict === 'marked'
      ? [`message ${message}${expectedText(isExpectedMessage)}`]
      : []),
    ...(undone !== null ? [`read as ${undone}`] : []),
  ]
  return `${verdict.padEnd(verdictWidth)} ${picture}: ${parts.join(', ')}`
}

const expectedText = (isExpected: boolean | undefined): string =>
  isExpected === undefined ? '' : isExpected ? ', the one expected' : ', not the one expected'

/** Three digits, and never a 0 that is a rounded one. */
export function probability(value: number): string {
  if (value < 1e-300) return 'below 1e-300'
  return value < 1e-3 ? value.toExponential(2).replace(/\.?0*e/, 'e') : `${Number(value.toPrecision(3))}`
}

const basisText: Readonly<Record<Finding['basis'], (prepared: Prepared) => string>> = {
  'any-picture': () => 'exact for any picture, over the draw of the key',
  calibration: ({ calibration }) =>
    `among ${plural(calibration!.noises.length, 'unmarked picture')}; no smaller one than ${probability(1 / (calibration!.noises.length + 1))} can be`,
  'white-noise': () => 'exact only for white noise, which that of pictures is not: pass a `--calibration`',
}

export const verdictText: Readonly<Record<Verdict, string>> = {
  marked: 'marked',
  unmarked: 'not marked',
  undecided: 'undecided',
}

function sayFinding(
  io: Terminal,
  prepared: Prepared,
  candidates: number,
  finding: DetectionLine['findings'][number],
): void {
  const { keys, falsePositiveRate } = prepared
  const key = keys.find(({ id }) => id === finding.key)!
  const { verdict, pValue, familyPValue, basis, undone, member } = finding
  const { message, agreementShare, isExpectedMessage, reference } = finding
  io.say(`${keyText(key)}`)
  io.say(`  verdict      ${verdictText[verdict]}, at a false-positive rate of ${probability(falsePositiveRate)}`)
  if (key.members > 1) io.say(`  member       ${member}`)
  io.say(`  p-value      ${probability(pValue)}: ${basisText[basis](prepared)}`)
  if (familyPValue !== pValue) {
    const among = candidates === 1 ? '' : `, in ${candidates} pictures that it may have been`
    io.say(`               ${probability(familyPValue)} for all marks that were asked${among}`)
  }
  if (undone !== null) io.say(`  read as      ${undone}`)
  if (message !== undefined) {
    const agree = `${percent(agreementShare ?? 0)} of the signs agree`
    io.say(
      `  message      ${message === null ? 'none that is sure' : message}${expectedText(isExpectedMessage)}; ${agree}`,
    )
  }
  if (reference) {
    io.say(`  published    p-value ${probability(reference.pValue)}, miscalibrated: for comparison only`)
  }
}

function sayRecovery(io: Terminal, { recovery }: DetectionLine): void {
  if (!recovery) return
  const { latent, noise, evaluations } = recovery
  const inDecibels = (value: number | null) => decibels(value ?? Number.POSITIVE_INFINITY)
  if (latent) {
    io.say(
      `  latent       PSNR ${inDecibels(latent.psnrBeforeDb)} → ${inDecibels(latent.psnrAfterDb)}  (encoder alone → inverted, as 8-bit pictures)`,
    )
  }
  io.say(`  noise        mean ${noise.mean.toFixed(3)}, deviation ${noise.deviation.toFixed(3)}; ${noise.outcome}`)
  io.say(`  evaluations  ${evaluationText(evaluations)}`)
}

/** With its interval where it is alone; in whole percents, as trials are few. */
const powerText = ({ correlation, share, low, high }: Power, isAlone: boolean): string => {
  const whole = (value: number) => `${Math.round(100 * value)} %`
  return `${whole(share)}${isAlone ? ` (${whole(low)} to ${whole(high)})` : ''} at ${correlation.toFixed(2)}`
}

function sayPower(io: Terminal, { prepared, power }: FinishedDetection): void {
  const from = { option: '', calibration: ', as the calibration measured it', table: '' }[correlationFrom(prepared)]
  for (const { key, powers } of power) {
    const of = power.length > 1 ? `key ${key}: ` : ''
    const shares = powers.map((one) => powerText(one, powers.length === 1)).join(', ')
    const found = `found in ${shares}, the correlation of recovered noise${from}`
    io.say(`  power        ${of}${powers.length === 0 ? 'none without a calibration' : found}`)
  }
}

/** The report in words. */
export function sayDetection(io: Terminal, finished: FinishedDetection): void {
  const { prepared, model, settings, counts, lines, isOne, seconds, cost } = finished
  const [line] = lines
  if (isOne && line && !('error' in line)) {
    for (const note of line.notes ?? []) io.say(`${line.picture}: ${note}`)
    io.say(`${line.picture}: ${verdictText[line.verdict]}`)
    for (const finding of line.findings) sayFinding(io, prepared, line.candidates, finding)
    io.say('recovery')
    sayRecovery(io, line)
  } else {
    const { pictures, marked, unmarked, undecided, failed } = counts
    io.say(
      `${plural(pictures, 'picture')}: ${marked} marked, ${unmarked} not marked, ${undecided} undecided, ${failed} failed; at a false-positive rate of ${probability(prepared.falsePositiveRate)} each`,
    )
    for (const key of prepared.keys) io.say(`  ${keyText(key)}`)
  }
  for (const text of earlierText(finished.earlier)) io.say(text)
  if (model !== undefined) io.say(`  by           ${recoveryText(model, settings)}`)
  sayPower(io, finished)
  if (cost) for (const text of costLines({ seconds, cost })) io.say(text)
  if (prepared.request.sheet !== undefined) io.say(`  sheet        ${sheetText(finished)}`)
  const outputs = Object.values(outputsOf(finished))
  if (outputs.length > 0) io.say(`wrote ${outputs.join(', ')}`)
}

/** How much of the run the sheet shows, and what of the rest. */
export function sheetText({ rows, counts }: Pick<FinishedDetection, 'rows' | 'counts'>): string {
  const all = plural(counts.pictures, 'picture')
  if (rows.length === 0) return `none: this run read none of ${all}`
  if (rows.length === counts.pictures) return all
  return `the first ${rows.length} that this run read, of ${all}`
}

/** How noise was recovered, in one line. */
export function recoveryText(model: string, settings: Readonly<Record<string, string>>): string {
  const { decoder, inverter, solver, steps, guidance, promptKnown } = settings
  const on = solver ?? `the scheduler's solver, ${steps} steps`
  const prompt = promptKnown === 'true' ? 'the prompt known' : 'the prompt not known'
  return `${model}: ${decoder}; ${inverter} on ${on}, guidance ${guidance}, ${prompt}`
}
