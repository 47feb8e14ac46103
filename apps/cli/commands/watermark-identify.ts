/** `undiffuse watermark identify`: which member of a family marked a picture. */
import {
  type CostReport,
  type FailedLine,
  type IdentificationLine,
  type IdentificationReport,
  identifyOperation,
  type KeyReport,
  plural,
  probability,
  smallestPValue,
} from 'undiffuse/operations'
import type { OperationCommand } from '../operation-command.js'
import { someFailedExitCode } from '../terminal.js'
import {
  earlierLines,
  failureLines,
  falseAlarmLines,
  keyText,
  notRecoveredLine,
  pValueText,
  readAsLines,
  recoveryText,
} from '../watermark-words.js'
import { costLines, wroteLines } from '../words.js'

const details = `
All members of a family are asked at once: seconds for a million. The p-value of the nearest, times the members, is what any of them would reach in an unmarked picture. At most \`--fpr\` of such pictures are taken for marked. Schemes without
families carry a message, which is told. Pictures, folders and .safetensors files as in \`undiffuse watermark detect\`.`

const examples = [
  'watermark keygen --scheme tree-ring:pattern=rand --members 1000000 -o users.json',
  'generate "a large red ball at the top" --watermark users.json --member 271828 -o marked.png',
  'watermark identify marked.png --key users.json',
  'watermark identify pictures/ --key users.json --fpr 1e-9 -o who.jsonl --json',
] as const

type ToldLine = (IdentificationLine | FailedLine) & { readonly key: KeyReport }

/** Who it is, or who it would be. */
function whoLines(line: IdentificationLine, { members }: KeyReport): readonly string[] {
  const { picture, verdict, pValue, familyPValue } = line
  const isMarked = verdict === 'marked'
  if (line.by === 'message') {
    const says = line.message === null ? 'none that is sure' : line.message
    return [
      `${picture}: ${isMarked ? `marked; the message says who it is: ${says}` : verdict === 'undecided' ? 'undecided' : 'not marked by this key'}`,
      `  p-value      ${pValueText(pValue)}`,
      '  families     this scheme has none: give each user a message of their own when pictures are made',
    ]
  }
  const who = isMarked ? `member ${line.member}` : `no member is sure; nearest is member ${line.member}`
  return [
    `${picture}: ${who}`,
    `  p-value      ${pValueText(pValue)} of this one alone, ${pValueText(familyPValue)} among ${plural(members, 'member')}`,
    `  score        ${line.score.toFixed(3)}; the next best ${line.runnerUpScore.toFixed(3)}`,
  ]
}

function lineWords({ key, ...line }: ToldLine): readonly string[] {
  if ('error' in line) return [`${line.picture}: failed. ${line.error.message}`]
  const { because, candidates, undone, readWith, inversionSeconds, identificationSeconds } = line
  const smallest = probability(smallestPValue(key, candidates))
  return [
    ...whoLines(line, key),
    ...(because === 'not-recovered' ? [notRecoveredLine] : []),
    ...(because === 'too-few'
      ? [
          `  undecided    no p-value of this family is below ${smallest}: ask for fewer members, or at a larger \`--fpr\``,
        ]
      : []),
    ...readAsLines(undone, readWith, candidates),
    `  time         ${inversionSeconds.toFixed(2)} s to the noise, ${identificationSeconds.toFixed(2)} s to ask`,
  ]
}

function words(report: IdentificationReport): readonly string[] {
  const { pictures, marked, unmarked, undecided, failed, model, key } = report
  return [
    `${plural(pictures, 'picture')}: ${marked} marked, ${unmarked} not marked, ${undecided} undecided, ${failed} failed; at a family-wise error rate of ${probability(report.familyWiseErrorRate)} each`,
    ...(pictures > 1 ? falseAlarmLines(report.expectedFalseAlarmsAtMost, pictures - failed) : []),
    ...('outputs' in report && report.outputs?.results !== undefined
      ? failureLines(report.failed, report.firstFailures)
      : []),
    ...earlierLines(report.earlier),
    `  by           ${keyText(key)}`,
    ...(model === null ? [] : [`               ${recoveryText(model, report.settings)}`]),
    ...('networkSeconds' in report ? costLines(report as CostReport) : []),
    ...('outputs' in report ? wroteLines(report.outputs) : []),
  ]
}

export const command: OperationCommand<typeof identifyOperation.fields, IdentificationReport> = {
  operation: identifyOperation,
  details,
  examples,
  words,
  lineWords: (line) => lineWords(line as ToldLine),
  exitCode: ({ failed }) => (failed > 0 ? someFailedExitCode : 0),
}
