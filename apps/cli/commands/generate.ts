/** `undiffuse generate`: from a prompt and a seed to pictures. */
import { formatShape } from 'undiffuse'
import { type GenerationReport, generateOperation, plural, promptText } from 'undiffuse/operations'
import type { OperationCommand } from '../operation-command.js'
import { costLines, evaluationText, guidanceText, lastName, wroteLines } from '../words.js'

const details = `
A seed gives the noise that PyTorch draws on a CPU: \`torch.randn(shape, generator=torch.Generator().manual_seed(seed))\`.
A noise file of \`undiffuse invert\` or \`--save-noise\` knows its prompt, guidance and solver; what is said here goes first. A .npy file holds numbers alone.
An empty prompt, "", is none: the model then makes any picture, at guidance 1.
Several pictures take the seeds that follow; \`--sheet\` shows them side by side.
A watermark is in the noise that the pictures are made from; \`--save-noise\` writes the marked noise and the id of its key.
\`--message random\` gives each picture a message of its own, from a cryptographic source, and prints it. Many pictures of one key and message may betray the mark.`

const examples = [
  'generate "a large red ball at the top, on blue stripes" --seed 7 -o ball.png',
  'generate "a small green star at the top" --count 8 --guidance 5 --solver dpm-solver-2m --steps 20',
  'generate "a large red ball at the top" --watermark key.json --message c0ffee00 -o marked.png',
  'generate "a small green star at the top" --save-noise n.safetensors --save-latent z.safetensors',
  'generate "a small green star at the top" --count 4 --watermark key.json --message random -o stars --json',
  'generate --noise n.safetensors -o again.png',
] as const

function words(report: GenerationReport): readonly string[] {
  const { model, prompt, negativePrompt, solver, steps, widthPixels, heightPixels, watermark } = report
  const seeds = report.pictures.flatMap(({ seed }) => seed ?? [])
  const from = seeds.length > 0 ? `seed ${seeds.join(', ')}` : 'the noise of a file'
  return [
    `${promptText(prompt)}${negativePrompt === null ? '' : ` without “${negativePrompt}”`}, ${from}`,
    `  by           ${model}, ${solver}, ${plural(steps, 'step')}, ${guidanceText(report)}`,
    `  from, to     noise ${formatShape(report.latentShape)} → ${widthPixels}×${heightPixels} pixels`,
    ...(watermark ? [`  mark         ${markText(watermark)}`] : []),
    ...(watermark && watermark.message === null ? ownMessages(report) : []),
    `  evaluations  ${evaluationText(report.evaluations)}`,
    ...costLines(report),
    ...wroteLines({ ...report.outputs }),
  ]
}

function markText({ key, scheme, members, member, message }: NonNullable<GenerationReport['watermark']>): string {
  const of = members > 1 ? `, member ${member}` : ''
  return `key ${key}, ${scheme}${of}${message === null ? '' : `, message ${message}`}`
}

/** Where each picture has its own. */
const ownMessages = ({ pictures }: GenerationReport): readonly string[] =>
  pictures.flatMap(({ picture, message }) =>
    typeof message === 'string' ? [`  message      ${message}: ${lastName(picture)}`] : [],
  )

export const command: OperationCommand<typeof generateOperation.fields, GenerationReport> = {
  operation: generateOperation,
  details,
  examples,
  words,
}
