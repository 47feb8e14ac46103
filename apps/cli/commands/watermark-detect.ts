/** `undiffuse watermark detect`: whether pictures are marked. */
import type { Power } from 'undiffuse'
import {
  type CostReport,
  type DetectionLine,
  type DetectionReport,
  detectOperation,
  type FailedLine,
  percent,
  plural,
  probability,
  sheetText,
  verdictText,
} from 'undiffuse/operations'
import { psnrLine } from '../inversion-words.js'
import type { OperationCommand } from '../operation-command.js'
import { someFailedExitCode } from '../terminal.js'
import {
  earlierLines,
  failureLines,
  falseAlarmLines,
  keyText,
  notAskedLines,
  notRecoveredLine,
  pValueText,
  rateText,
  readAsLines,
  recoveryText,
} from '../watermark-words.js'
import { costLines, evaluationText, wroteLines } from '../words.js'

const details = `
Each picture is inverted to its noise once for all keys. The p-value is the probability that a picture without the mark would look so much like a marked one. A picture is
\`marked\` if its p-value, times the number of marks that were asked, is at most \`--fpr\`. That rate is over the draw of the key. Of N unmarked pictures at most N times it are expected to be marked, and false
alarms of one key come together. The report says what the p-value rests on. Most schemes' p-values are exact for any picture, over the draw of the key. Tree-ring marks of zeros, of
constants and of the released mask need a \`--calibration\`; without one the verdict is \`undecided\`.
A calibration of \`undiffuse watermark calibrate\` says how its pictures were inverted. Settings that are not given are taken
from it, and settings that differ are refused. It gives no p-value below 1/(pictures + 1): with too few pictures for \`--fpr\` all are \`undecided\`. It also
tells how often each key finds its pictures, at 5, 1 and 0.1 % and at \`--fpr\`. The power is how often a mark is
found where there is one, if noise is recovered with that correlation.

\`--undo\` says how pictures may have been changed. Each possibility is read too, and p is multiplied by their number. A border
of one colour is filled unless you say otherwise. Keys that need a calibration are read only in the picture as it is.

\`--try-steps 4 8 20 50\` reads pictures whose number of steps nobody knows; p is multiplied by their number too. Where the
inverter does not solve a step, the noise may be any. Such a picture is read by naive inversion without its prompt as well, and is
\`undecided\` where no mark is found. Of a model of clips a folder is one clip, its pictures the frames.

A .safetensors file of \`undiffuse invert\` with a \`noise\` is read as it is. Among several pictures, one that cannot be read
or has another size is a result \`failed\`; the run goes on. With \`--output\` each picture is a line of JSON, written to
<file>.part as it is finished. The first line holds the settings. \`-o -\` writes the lines of pictures alone to standard output, and the report to standard error. \`--resume\` goes on with a run that was ended in any way,
and takes up pictures that were added to the folder since. Without it a finished file of that name is replaced at the end. Pictures that failed stay failed. A second run with the same
\`--output\` is refused while the first is under way.

With \`--sheet\` the first 12 pictures that can be read are rows of a picture. Each row shows the picture as given, what
the latent decodes to, the recovered noise, and what the mark reads there: log |F| with the mask's rim, or the signs. The rim is all that is drawn of a key. Of more than 1000 pictures no sheet is made. With \`--resume\` it shows pictures
that were not finished before.

The exit code is 0 whatever the verdict, and 11 where some pictures failed. With \`--exit-code\` it is 1 where no picture is
marked.`

const examples = [
  'watermark detect marked.png --key key.json',
  'watermark detect marked.png --key key.json --prompt "a large red ball at the top" --message c0ffee00 --json',
  'watermark detect marked.png --key key.json --sheet marked.sheet.png',
  'watermark detect photo.png --key users.json --member all --fpr 1e-9',
  'watermark detect shared.png --key key.json --undo border flip rotation:range=5',
  'watermark detect part.png --key key.json --undo crop resize',
  'watermark detect old.png --key key.json --try-steps 4 8 20 50',
  'watermark detect pictures/ --key a.json,b.json -o results.jsonl --resume',
  'watermark detect photo.png --key zeros.json --calibration calibration.safetensors --fpr 1e-2 --reference',
] as const

const verdictWidth = 10

/** One of many in a line. */
function lineText(line: DetectionLine | FailedLine): string {
  if ('error' in line) return `${'failed'.padEnd(verdictWidth)} ${line.picture}: ${line.error.message}`
  const { verdict, picture, findings } = line
  const [finding] = findings as [ReportedFinding]
  const { familyPValue, key, member, because, basis, message, agreementShare, isExpectedMessage } = finding
  const { undone, readWith } = finding
  const as = [undone, readWith].filter((one) => typeof one === 'string').join(', ')
  const parts = [
    `p ${pValueText(familyPValue)}`,
    `key ${key}`,
    // A scheme with messages has no members.
    ...(agreementShare === undefined ? [`member ${member}`] : []),
    ...(typeof message === 'string' && verdict === 'marked'
      ? [`message ${message}${expectedText(isExpectedMessage)}`]
      : []),
    ...(as === '' ? [] : [`read as ${as}`]),
    ...(because === 'not-recovered' ? ['not taken back to its noise'] : []),
    ...(because === 'too-few'
      ? [`too few ${basis === 'calibration' ? 'unmarked pictures' : 'signs'} for this rate`]
      : []),
  ]
  return `${verdict.padEnd(verdictWidth)} ${picture}: ${parts.join(', ')}`
}

const expectedText = (isExpected: boolean | undefined): string =>
  isExpected === undefined ? '' : isExpected ? ', the one expected' : ', not the one expected'

type ReportedFinding = DetectionLine['findings'][number]

const basisText: Readonly<Record<ReportedFinding['basis'], (calibration: DetectionReport['calibration']) => string>> = {
  'any-picture': () => 'exact for any picture, over the draw of the key',
  calibration: (calibration) =>
    `among ${plural(calibration!.pictures, 'unmarked picture')}; no smaller one than ${probability(calibration!.smallestPValue)} can be`,
  'white-noise': () => 'exact only for white noise, which that of pictures is not: pass a `--calibration`',
}

/** Why no picture can be marked at this rate. */
function tooFewText({ calibration, falsePositiveRate }: DetectionReport, { basis }: ReportedFinding): string {
  const rate = probability(falsePositiveRate)
  if (basis !== 'calibration') return `the mark has too few signs for a rate of ${rate}: take a larger \`--fpr\``
  const { pictures, neededPictures } = calibration!
  return `a rate of ${rate} needs a calibration of ${plural(neededPictures, 'picture')}, and this is of ${pictures}: take more, or a larger \`--fpr\``
}

function findingLines(report: DetectionReport, candidates: number, finding: ReportedFinding): readonly string[] {
  const key = report.keys.find(({ id }) => id === finding.key)!
  const { verdict, because, pValue, familyPValue, basis, undone, readWith, member } = finding
  const { message, agreementShare, isExpectedMessage, reference } = finding
  const among = candidates === 1 ? '' : `, in ${candidates} ways to read the picture`
  const agree = `${percent(agreementShare ?? 0)} of the signs agree`
  return [
    keyText(key),
    `  verdict      ${verdictText[verdict]}, at a false-positive rate of ${probability(report.falsePositiveRate)}`,
    ...(because === 'not-recovered' ? [notRecoveredLine] : []),
    ...(because === 'too-few' ? [`  undecided    ${tooFewText(report, finding)}`] : []),
    ...(key.members > 1 ? [`  member       ${member}`] : []),
    ...(verdict === 'marked' ? [] : notAskedLines(key, report.member)),
    `  p-value      ${pValueText(pValue)}: ${basisText[basis](report.calibration)}`,
    ...(familyPValue === pValue
      ? []
      : [`               ${pValueText(familyPValue)} for all marks that were asked${among}`]),
    ...readAsLines(undone, readWith, candidates),
    ...(message === undefined
      ? []
      : [
          `  message      ${message === null ? 'none that is sure' : message}${expectedText(isExpectedMessage)}; ${agree}`,
        ]),
    ...(reference
      ? [`  published    p-value ${probability(reference.pValue)}, miscalibrated: for comparison only`]
      : []),
  ]
}

function recoveryLines({ recovery }: DetectionLine): readonly string[] {
  if (!recovery) return []
  const { latent, noise, evaluations } = recovery
  return [
    ...(latent ? [psnrLine(latent.psnrBeforeDb, latent.psnrAfterDb)] : []),
    `  noise        mean ${noise.mean.toFixed(3)}, deviation ${noise.deviation.toFixed(3)}; ${noise.outcome}`,
    `  evaluations  ${evaluationText(evaluations)}`,
  ]
}

/** With its interval where it is alone; in whole percents, as trials are few. */
const powerText = ({ correlation, share, low, high }: Power, isAlone: boolean): string => {
  const whole = (value: number) => `${Math.round(100 * value)} %`
  return `${whole(share)}${isAlone ? ` (${whole(low)} to ${whole(high)})` : ''} at ${correlation.toFixed(2)}`
}

const measuredText = { option: '', calibration: ', as the calibration measured it', table: '' } as const

const powerLines = ({ power }: DetectionReport): readonly string[] =>
  power.map(({ key, correlationFrom, powers }) => {
    const of = power.length > 1 ? `key ${key}: ` : ''
    const shares = powers.map((one) => powerText(one, powers.length === 1)).join(', ')
    const found = `found in ${shares}, the correlation of recovered noise${measuredText[correlationFrom]}`
    return `  power        ${of}${powers.length === 0 ? 'none without a calibration' : found}`
  })

/** One that was named itself is told whole; of many there was a line each, and there is a sum. */
function headLines(report: DetectionReport, sources: readonly string[]): readonly string[] {
  const [line] = report.results ?? []
  if (report.pictures === 1 && line && line.picture === sources[0] && !('error' in line)) {
    return [
      ...(line.notes ?? []).map((note) => `${line.picture}: ${note}`),
      `${line.picture}: ${verdictText[line.verdict]}`,
      ...line.findings.flatMap((finding) => findingLines(report, line.candidates, finding)),
      'recovery',
      ...recoveryLines(line),
    ]
  }
  const { pictures, marked, unmarked, undecided, failed } = report
  return [
    `${plural(pictures, 'picture')}: ${marked} marked, ${unmarked} not marked, ${undecided} undecided, ${failed} failed; at a false-positive rate of ${probability(report.falsePositiveRate)} each`,
    ...falseAlarmLines(report.expectedFalseAlarmsAtMost, pictures - failed),
    ...report.keys.flatMap((key) => [
      `  ${keyText(key)}`,
      ...(marked === pictures ? [] : notAskedLines(key, report.member)),
    ]),
  ]
}

/** What the keys' own p-values do in the pictures of the calibration. */
const rateLines = ({ calibration }: DetectionReport): readonly string[] =>
  (calibration?.keyRates ?? []).map(
    ({ key, rates }) =>
      `  its rates    key ${key} in ${plural(calibration!.pictures, 'unmarked picture')}: ${rateText(rates)}`,
  )

function words(report: DetectionReport, sources: readonly string[]): readonly string[] {
  const { model, sheetRows, pictures } = report
  return [
    ...headLines(report, sources),
    ...('outputs' in report && report.outputs?.results !== undefined
      ? failureLines(report.failed, report.firstFailures)
      : []),
    ...earlierLines(report.earlier),
    ...(model === null ? [] : [`  by           ${recoveryText(model, report.settings)}`]),
    ...rateLines(report),
    ...powerLines(report),
    ...('networkSeconds' in report ? costLines(report as CostReport) : []),
    ...(sheetRows === undefined ? [] : [`  sheet        ${sheetText(sheetRows, pictures)}`]),
    ...wroteLines(report.outputs ?? {}),
  ]
}

export const command: OperationCommand<typeof detectOperation.fields, DetectionReport> = {
  operation: detectOperation,
  details,
  examples,
  words: (report, _, { sources }) => words(report, sources),
  lineWords: (line) => [lineText(line as DetectionLine | FailedLine)],
  switches: { '--exit-code': 'end with 1 where no picture is marked' },
  exitCode: ({ marked, failed }, isOn) =>
    failed > 0 ? someFailedExitCode : isOn('--exit-code') && marked === 0 ? 1 : 0,
}
