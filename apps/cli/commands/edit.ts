/** `undiffuse edit`: a picture, what it shows and what it is to show, to the edited picture. */
import { backgroundText, decibels, type EditReport, editOperation, plural } from 'undiffuse/operations'
import type { OperationCommand } from '../operation-command.js'
import { voidMaskExitCode } from '../terminal.js'
import { costLines, evaluationText, guidanceText, wroteLines } from '../words.js'

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
  'edit ball.png --from "a large red ball" --to "a large red star" -o star.png',
  'edit ball.png --from "a red ball" --to "a blue ball" --mask mask.png',
  'edit drawn.png --from "a blue ball" --to "a red ball" --method exact-blending:guideFrom=source',
  'edit ball.png --from "a small ball" --to "a large ball" --method exact-blending:mask=difference --json',
] as const

const exactWords: Readonly<Record<EditReport['exact'], string>> = {
  'given-image': 'with the same prompt the picture would come back, in every 8-bit value',
  'given-latent': 'with the same prompt this picture would come back, but for what its 8 bits have rounded',
  'given-memory': "with the same prompt and the solver's memory the latent would come back",
  no: 'with the same prompt the picture would not come back',
}

/** What to do about an edit that is not exact, and what does not depend on that. */
export function inexactLines({ exact, outcome, method, lock }: EditReport): readonly string[] {
  if (exact !== 'no') return []
  const [id] = method.split(':')
  const tamer = '`--method exact-blending:guideFrom=source`, less `--guidance` or more `--steps`'
  const remedies = {
    converged: '`exact-blending` and `bdia-round-trip` promise more',
    exhausted: `some steps back were not solved to the end. Where the edit looks right nothing is amiss; else try ${tamer}`,
    diverged: `the way back blew up, and the edit is mostly of no use: try ${tamer}`,
  }
  const solves = id === 'exact-blending' || outcome === 'diverged'
  return [
    `  remedy       ${remedies[solves ? outcome : 'converged']}`,
    ...(lock ? ['  lock         what it keeps outside the mask does not depend on that'] : []),
  ]
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

/** Beside a bad picture a bare `exact` would be read as praise. */
function wayBackText({ exact, outcome }: EditReport): string {
  const solved = exact === 'no' ? 'not solved exactly' : 'solved exactly'
  return `${solved} (${exact}, ${outcome}): ${exactWords[exact]}. It says nothing of the edit`
}

/** A method of strength below 1 begins at a later step. */
export const stepsText = ({ steps, plannedSteps }: Pick<EditReport, 'steps' | 'plannedSteps'>): string =>
  steps === plannedSteps
    ? plural(steps, 'step')
    : `${steps} of ${plural(plannedSteps, 'step')} (the noisiest are left out: \`strength\` of the method)`

/** What came of it first; what was measured after it. Notes are said by themselves. */
export function words(report: EditReport): readonly string[] {
  const { model, method, solver, latent, mask, background, backgroundBefore, lock, outputs } = report
  return [
    `${report.picture}: “${report.from}” → “${report.to}”`,
    ...(lock && background && mask
      ? [
          `  kept         ${share(1 - mask.shareOfPixels)} of the picture, outside the mask: ${backgroundText(background)}${lock.boundLevels > 0 ? ` of ${lock.boundLevels} allowed` : ''}, checked in the file`,
        ]
      : []),
    ...(mask
      ? [
          `  mask         ${maskText(mask)}`,
          ...(mask.given === null && mask.notes.length > 0 ? [`  masks        ${moreOnMasks}`] : []),
        ]
      : [`  mask         none: everything may change; ${moreOnMasks}`]),
    ...wroteLines({ picture: outputs.picture, mask: outputs.mask, report: outputs.report }).map(
      (line) => `  wrote        ${line.replace(/^wrote /, '')}`,
    ),
    ...(outputs.sheet === undefined ? [] : [`  sheet        ${outputs.sheet}`]),
    '  measured',
    `  by           ${model}, ${method}, ${solver}, ${stepsText(report)}, ${guidanceText(report)}`,
    ...(latent
      ? [
          `  latent       decodes to the picture at ${decibels(latent.psnrAfterDb)}, the encoder's at ${decibels(latent.psnrBeforeDb)}`,
        ]
      : []),
    `  way back     ${wayBackText(report)}`,
    ...inexactLines(report),
    ...(backgroundBefore
      ? [`  outside      ${lock ? 'before the lock: ' : ''}${backgroundText(backgroundBefore)}`]
      : []),
    `  evaluations  ${evaluationText(report.evaluations)}`,
    ...costLines(report),
  ]
}

export const command: OperationCommand<typeof editOperation.fields, EditReport> = {
  operation: editOperation,
  details,
  examples,
  words,
  exitCode: ({ mask }) => (isVoid(mask) ? voidMaskExitCode : 0),
}
