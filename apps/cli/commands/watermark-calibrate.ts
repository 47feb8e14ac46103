/** `undiffuse watermark calibrate`: what the noise of unmarked pictures looks like. */
import { type CalibrationReport, calibrateOperation, plural, probability } from 'undiffuse/operations'
import type { OperationCommand } from '../operation-command.js'
import { someFailedExitCode } from '../terminal.js'
import { rateText, recoveryText } from '../watermark-words.js'
import { costLines } from '../words.js'

const details = `
A calibration is the noise that is recovered from unmarked pictures. Marks whose p-value is not exact by itself need one. With
n pictures no p-value below 1/(n + 1) is claimed. It holds for pictures of the same kind, inverted in the same way; the file
remembers how.

\`--generated 12\` lets the model make 12 pictures, and needs to know what they show. \`--prompts\` names a file with a prompt a line,
which are taken in turn; \`--prompt\` is one prompt for all.

With \`--prompt\` prompts count as known: pictures are inverted with it, and pictures that the model makes with their own.
Pictures that the model makes, rounded to 8 bits, tell how well noise is recovered. From that correlation \`detect\` works out
its power. They are unmarked too, and count among the others.

A p-value holds over the draw of the key. With \`--key\` the key's own rates are measured: how many of these pictures it finds at
5, 1 and 0.1 %. \`detect\` shows them again for the calibration that it is given.

Finished pictures are kept in <file>.part: a run that was ended in any way goes on with \`--resume\`.`

const examples = [
  'watermark calibrate photos/ -o calibration.safetensors',
  'watermark calibrate photos/ --size 128 --fit resize --inverter naive --steps 20 -o calibration.safetensors',
  'watermark calibrate --generated 100 --prompts prompts.txt -o calibration.safetensors --resume',
  'watermark calibrate photos/ --key key.json -o calibration.safetensors',
  'watermark detect photo.png --key zeros.json --calibration calibration.safetensors --fpr 1e-2',
] as const

/** What the calibration bounds: p-values that are exact by themselves it does not touch. */
export function pValueLines(smallest: number, keyRates: CalibrationReport['keyRates']): readonly string[] {
  const bound = `${probability(smallest)} and more: at a smaller \`--fpr\` of \`detect\` nothing is decided`
  const needing = keyRates.filter((one) => one.needsCalibration)
  if (keyRates.length === 0) return [`  p-values     of marks that need a calibration: ${bound}`]
  if (needing.length === 0)
    return [`  p-values     of ${keyRates.length === 1 ? 'this key' : 'these keys'}: exact without a calibration`]
  if (needing.length === keyRates.length) return [`  p-values     ${bound}`]
  return [`  p-values     of key ${needing.map(({ key }) => key).join(', ')}: ${bound}`]
}

function words(report: CalibrationReport): readonly string[] {
  const { model, settings, pictures, generated, failed, failures, noise, smallestPValue, correlation, keyRates } =
    report
  const made = generated > 0 ? `, ${generated} of them made by the model` : ''
  return [
    ...failures.map(({ picture, error }) => `failed: ${picture}: ${error.message}`),
    `${plural(pictures, 'unmarked picture')}${made}; ${failed} failed`,
    `  by           ${recoveryText(model, settings)}`,
    `  noise        mean ${noise.mean.toFixed(3)}, deviation ${noise.deviation.toFixed(3)}, on average`,
    ...pValueLines(smallestPValue, keyRates),
    ...(correlation === null
      ? []
      : [`  correlation  ${correlation.toFixed(3)} of recovered noise with that of pictures the model made`]),
    ...keyRates.map(({ key, scheme, rates }) => `  key ${key}: ${scheme}, unmarked pictures found: ${rateText(rates)}`),
    ...costLines(report),
    `wrote ${report.outputs.calibration}`,
  ]
}

export const command: OperationCommand<typeof calibrateOperation.fields, CalibrationReport> = {
  operation: calibrateOperation,
  details,
  examples,
  words,
  exitCode: ({ failed }) => (failed > 0 ? someFailedExitCode : 0),
}
