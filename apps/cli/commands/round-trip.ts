/** `undiffuse roundtrip`: noise → picture → noise and picture → noise → picture, and what is lost on the way. */
import { formatShape } from 'undiffuse'
import {
  decibels,
  errorDecibels,
  percent,
  plural,
  promptText,
  type RoundTripReport,
  roundTripOperation,
} from 'undiffuse/operations'
import { noiseLines } from '../inversion-words.js'
import type { OperationCommand } from '../operation-command.js'
import { costLines, evaluationText, wroteLines } from '../words.js'

const details = `
With a prompt and a seed: makes the picture, then goes back from its exact latent, and from its 8-bit picture alone. Each
time it samples again from the noise that was found. With a picture: back to the noise and again to the picture; then, since the
latent and noise of that one are known, from its latent. In the folder \`--report\`: both pictures, a sheet with error maps,
noise and latent, a chart of residuals and a report of all numbers.`

const examples = [
  'roundtrip --prompt "a small green star at the top, on yellow dots" --seed 7 --guidance 3',
  'roundtrip photo.png --prompt "a small green star at the top" --guidance 1 --steps 20 --report out/photo',
] as const

function legLines(leg: RoundTripReport['legs'][number], guidance: number): readonly string[] {
  const { given, latent, noiseNmseDb, latentNmseDb, again } = leg
  const errors = [
    ...(given === 'picture' && latentNmseDb !== null ? [`latent ${errorDecibels(latentNmseDb)}`] : []),
    ...(noiseNmseDb === null ? [] : [`noise ${errorDecibels(noiseNmseDb)}`]),
  ]
  return [
    given === 'latent' ? 'latent → noise → picture' : 'picture alone → latent → noise → picture',
    ...noiseLines(latent, leg, guidance),
    ...(errors.length > 0 ? [`  error        ${errors.join(', ')}  (NMSE, against what it was made from)`] : []),
    `  again        ${percent(again.equalValuesShare)} of the picture's 8-bit values are the same, PSNR ${decibels(again.psnrDb)}; ${evaluationText(again.evaluations)}`,
  ]
}

function words(report: RoundTripReport): readonly string[] {
  const { model, start, prompt, solver, steps, guidance, generation, legs, widthPixels, heightPixels } = report
  const from = typeof start === 'object' && start ? `, seed ${start.seed}` : ''
  return [
    typeof start === 'string' ? `${start}, ${promptText(prompt)}` : `noise → picture: ${promptText(prompt)}${from}`,
    `  by           ${model}, ${solver}, ${plural(steps, 'step')}, guidance ${guidance}`,
    `  sizes        noise ${formatShape(report.latentShape)}, picture ${widthPixels}×${heightPixels}`,
    ...(generation ? [`  evaluations  ${evaluationText(generation.evaluations)}`] : []),
    ...legs.flatMap((leg) => legLines(leg, guidance)),
    'in all',
    ...costLines(report),
    ...wroteLines({ ...report.outputs }),
  ]
}

export const command: OperationCommand<typeof roundTripOperation.fields, RoundTripReport> = {
  operation: roundTripOperation,
  details,
  examples,
  words,
}
