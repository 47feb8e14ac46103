/** `undiffuse edit`: a picture, what it shows and what it is to show, to the edited picture. */
import { decibels, type EditReport, editOperation, plural } from 'undiffuse/operations'
import type { OperationCommand } from '../operation-command.js'
import { voidMaskExitCode } from '../terminal.js'
import { wroteLines } from '../words.js'

const caution =
  'The bundled model draws one of eight shapes on simple backgrounds. Photographs and flat drawings mostly fail with it: see docs/your-own-model.md.'

const details = `
The command finds what the picture is made from under \`--from\`, and walks it again under \`--to\`. Describe the picture as
you would ask its model for it. The solver need not be the one that made it.

A mask is a picture of the same size, white where the edit goes. Black and transparent parts are outside. With a mask, every
method keeps the latents outside. Without one, exact-blending finds a mask, and the other methods may change everything.
More: \`undiffuse help masks\`.

Latents that are kept still decode to slightly different pixels near the mask. Where there is a mask, the written picture has
the source's own pixels outside it and a seam inside it. That is checked in the file's bytes before they are written. With
\`--no-lock-background\` the decoder's pixels stay.

In the folder \`--report\`: a sheet of source, mask, edit and their difference × 8, and a report of all numbers.`

const examples = [
  'edit ball.png --from "a ball" --to "a star" -o star.png',
  'edit ball.png --from "a ball" --to "a star" --mask mask.png',
  'edit drawn.png --from "a blue ball" --to "a red ball" --method exact-blending:guideFrom=source',
  'edit ball.png --from "a small ball" --to "a large ball" --method exact-blending:mask=difference --json',
] as const

/** What to do where the way back to the noise was not solved. */
export function remedyText({ exact, outcome, method, verdict, known }: EditReport): string {
  const [id] = method.split(':')
  // What helps then is another model alone.
  if (known === 'hardly') return ''
  // Other reasons to miss have remedies of their own, which were noted before the work.
  if (verdict === 'likely-to-miss' && outcome !== 'diverged') return ''
  if (exact !== 'no' || outcome === 'converged' || (id !== 'exact-blending' && outcome === 'exhausted')) return ''
  return ' Try `--method exact-blending:guideFrom=source`, less `--guidance` or more `--steps`.'
}

const share = (of: number): string => `${(100 * of).toFixed(1)} %`

function maskText({ given, drawnShareOfPixels: drawn, shareOfPixels: used }: NonNullable<EditReport['mask']>): string {
  const grown = drawn !== null && drawn < used ? `grown from ${share(drawn)} to ` : ''
  return `${given ?? 'found'}, ${grown}${share(used)} of the picture`
}

/** Where more is said. */
const moreOnMasks = '`undiffuse help masks` says how to keep the rest'

/** Whether a mask became one of everything or of nothing, and nobody drew it so. */
const isVoid = (mask: EditReport['mask']): boolean =>
  mask !== null && mask.covers !== 'part' && mask.drawnShareOfPixels !== mask.shareOfPixels

const knownWords: Readonly<Record<EditReport['known'], string>> = {
  well: 'well',
  'in-part': 'in part',
  hardly: 'hardly',
}

const verdictWords: Readonly<Record<EditReport['verdict'], string>> = {
  'likely-to-miss': 'likely to miss',
  'look-closely': 'look at it closely',
  'nothing-odd': 'nothing odd was found; whether it looks right, only you can see',
}

const verdictLine = (report: EditReport): string => {
  const { verdict, verdictReasons: reasons } = report
  const why = reasons.length === 0 ? '.' : `: ${reasons.join('; ')}.`
  return `  verdict      ${verdictWords[verdict]}${why}${remedyText(report)}`
}

function keptText({ mask, background, lock }: EditReport): string | undefined {
  if (!lock || !background || !mask) return undefined
  const pixels =
    background.largestLevels === 0
      ? 'every pixel the same'
      : `at most ${plural(background.largestLevels, 'level')} of ${lock.boundLevels} allowed`
  return `${share(1 - mask.shareOfPixels)} of the picture, outside the mask: ${pixels}, checked in the file`
}

/** What came of it in a few lines, a bad verdict first. Notes are said by themselves, and measurements are in the report. */
export function words(report: EditReport): readonly string[] {
  const { latent, mask, outputs, verdict, known } = report
  const kept = keptText(report)
  const helps = known !== 'hardly' && (mask === null || (mask.given === null && mask.notes.length > 0))
  const masks = helps ? `; ${moreOnMasks}` : ''
  const misses = verdict === 'likely-to-miss'
  return [
    `${report.picture}: “${report.from}” → “${report.to}”`,
    ...(misses ? [verdictLine(report)] : []),
    ...(kept === undefined ? [] : [`  kept         ${kept}`]),
    `  mask         ${mask ? maskText(mask) : 'none: everything may change'}${masks}`,
    ...(latent
      ? [`  known        ${knownWords[known]}: the model shows this picture at ${decibels(latent.psnrAfterDb)}`]
      : []),
    ...wroteLines({ ...outputs }).map((line) => `  wrote        ${line.replace(/^wrote /, '')}`),
    ...(misses ? [] : [verdictLine(report)]),
  ]
}

export const command: OperationCommand<typeof editOperation.fields, EditReport> = {
  operation: editOperation,
  caution,
  details,
  examples,
  words,
  exitCode: ({ mask }) => (isVoid(mask) ? voidMaskExitCode : 0),
}
