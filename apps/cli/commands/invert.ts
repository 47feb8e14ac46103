/** `undiffuse invert`: from pictures to the latents that decode to them, and to the noise that made those. */
import { formatShape } from 'undiffuse'
import {
  decibels,
  invertOperation,
  type LatentInversionReport,
  type NoiseInversionReport,
  plural,
  promptText,
} from 'undiffuse/operations'
import { expectedText, floorText, mean, noiseLines } from '../inversion-words.js'
import type { OperationCommand } from '../operation-command.js'
import { autoencoderText, costLines, guidanceText, lastName, wroteLines } from '../words.js'

const details = `
Several pictures of one size, or a folder of them, are inverted together, \`--chunk\` at a time. A .safetensors file with a \`latent\`, as \`undiffuse generate --save-latent\` writes it, is inverted to the noise as it
is. Its prompt, guidance and solver are taken from the file where they are not said here.
What is found is written as .safetensors: \`latent\` and \`noise\`, pictures × channels × height × width, with the names of
the axes and what each is exact given. A .npy file, NumPy's, holds the noise alone, or with \`--to latent\` the latent; one
that is read is a latent, and tells no prompt. A sheet of pictures, a chart of residuals and a report go to the folder
\`--report\`. To find the noise that made a picture, tell the prompt, guidance, solver and steps that made it.
\`--refine\` then looks for the noise that is most probable given the picture, which is worth it where the picture does not
tell everything, as under guidance. \`--floor\` says how well anybody could know it. Both say their cost before they start.
With \`--fit pad\` the right and bottom edges are repeated up to the next multiple of what the model takes; a picture
smaller than that is refused.`

const examples = [
  'invert photo.png -o photo.safetensors',
  'invert photo.png --to latent -o photo.safetensors',
  'invert ball.png --prompt "a red ball" --guidance 3',
  'invert ball.png --prompt "a red ball" --guidance 3 --refine most-probable:rounds=4 --floor',
  'invert latent.safetensors --inverter implicit:iteration=picard -o noise.safetensors',
  'invert photo.png --to latent --decoder gradient-free:iterations=100 --precision 16 --report out',
  'invert pictures/ --to latent --chunk 4 -o latents.safetensors --json',
] as const

type Report = LatentInversionReport | NoiseInversionReport

function outcomeText(pictures: LatentInversionReport['pictures']): string {
  const outcomes = [...new Set(pictures.map(({ outcome }) => outcome))]
  return outcomes
    .map((outcome) => {
      const count = pictures.filter((picture) => picture.outcome === outcome).length
      return pictures.length === 1 ? outcome : `${outcome} ${count} of ${pictures.length}`
    })
    .join(', ')
}

type Sizes = 'widthPixels' | 'heightPixels' | 'fittedWidthPixels' | 'fittedHeightPixels' | 'fit'

/** How a picture was fitted, where it was. */
function fittedLines(report: Partial<Pick<LatentInversionReport, Sizes>>): readonly string[] {
  const { widthPixels, heightPixels, fittedWidthPixels, fittedHeightPixels, fit } = report
  if (widthPixels === fittedWidthPixels && heightPixels === fittedHeightPixels) return []
  return [`  fitted       ${widthPixels}×${heightPixels} → ${fittedWidthPixels}×${fittedHeightPixels} by ${fit}`]
}

/** Of several pictures, means. */
function latentWords(report: LatentInversionReport): readonly string[] {
  const { model, decoder, pictures, fittedWidthPixels, fittedHeightPixels, latentShape } = report
  const several = pictures.length > 1 ? `${pictures.length} pictures, means: ` : ''
  const of = (value: (picture: (typeof pictures)[number]) => number) => mean(pictures.map(value))
  const psnr = [of((one) => one.psnrBeforeDb), of((one) => one.psnrAfterDb)].map(decibels)
  const residual = [of((one) => one.pixelResidualBefore), of((one) => one.pixelResidualAfter)]
  return [
    `${several}${fittedWidthPixels}×${fittedHeightPixels} pixels → latent ${formatShape(latentShape)} of ${model}, by ${decoder}`,
    ...fittedLines(report),
    `  PSNR         ${psnr.join(' → ')}  (encoder alone → inverted, as 8-bit pictures)`,
    `  residual     ${residual.map((value) => value.toPrecision(4)).join(' → ')}  (‖D(z) − x‖, pixels from −1 to 1)`,
    `  outcome      ${outcomeText(pictures)}`,
    `  latent       ${expectedText(pictures)}`,
    `  evaluations  ${autoencoderText(report.evaluations)}`,
    ...costLines(report),
    ...wroteLines({ ...report.outputs }),
  ]
}

function noiseWords(report: NoiseInversionReport): readonly string[] {
  const { model, sources, inverter, decoder, solver, prompt, fittedWidthPixels, fittedHeightPixels } = report
  const from = decoder === undefined ? 'latent' : `${fittedWidthPixels}×${fittedHeightPixels} pixels → latent`
  const methods = [...(decoder === undefined ? [] : [decoder]), `${inverter} on ${solver}`].join('; ')
  return [
    `${sources.length > 1 ? `${sources.length} × ` : ''}${from} ${formatShape(report.latentShape)} → noise of ${model}`,
    ...fittedLines(report),
    `  by           ${methods}, ${plural(report.steps, 'step')}, ${guidanceText(report)}, ${promptText(prompt)}`,
    ...sources.flatMap(({ source, latent, floor, ...found }) => [
      ...(sources.length > 1 ? [lastName(source)] : []),
      ...noiseLines(latent, found, report.guidance),
      ...(floor ? [`  floor        ${floorText(floor)}: the error of the noise to expect at best`] : []),
    ]),
    ...costLines(report),
    ...wroteLines({ ...report.outputs }),
  ]
}

export const command: OperationCommand<typeof invertOperation.fields, Report> = {
  operation: invertOperation,
  details,
  examples,
  words: (report) => ('to' in report ? noiseWords(report) : latentWords(report)),
}
