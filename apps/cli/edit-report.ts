/** An edit in numbers, words and pictures. */
import { errorMap, type Likeness, map } from 'undiffuse'
import { contactSheet } from 'undiffuse/node'
import type { FinishedEdit } from './editing.js'
import { latentReport } from './inversion-report.js'
import type { Terminal } from './terminal.js'
import { costLines, costReport, decibels, evaluationText, finiteOrNull } from './words.js'

const errorGain = 8

const backgroundReport = ({ share, nmse, psnrDb, ssim, largestLevels }: Likeness) => ({
  shareOfPixels: share,
  nmse,
  psnrDb: finiteOrNull(psnrDb),
  ssim,
  largestLevels,
})

/** The report as JSON. A PSNR of equal backgrounds is infinite, which JSON has no number for: it is null. */
export function editReport(finished: FinishedEdit) {
  const { request, model, notes, edited, written, before, after, mask, maskNotes, outputs } = finished
  const [, height, width] = written.shape
  const { lockBackground, backgroundBound = 0, feather = 8 } = request
  return {
    model,
    picture: request.picture,
    notes,
    from: request.from,
    to: request.to,
    negativePrompt: request.negative ?? null,
    method: request.method,
    guidance: edited.guidance,
    solver: request.solver ?? edited.solver,
    steps: edited.grid.length - 1,
    precisionBits: Number(request.precision),
    device: request.device ?? 'cpu',
    widthPixels: width,
    heightPixels: height,
    exact: edited.exact,
    outcome: edited.outcome,
    latent: edited.decoder ? latentReport(edited.decoder) : null,
    mask: mask
      ? {
          given: request.mask ?? null,
          shareOfPixels: mask.data.reduce((sum, value) => sum + value, 0) / mask.data.length,
          notes: maskNotes,
        }
      : null,
    background: after ? backgroundReport(after) : null,
    lock:
      lockBackground && after
        ? {
            boundLevels: backgroundBound,
            featherPixels: feather,
            largestLevels: after.largestLevels,
            largestLevelsBefore: before?.largestLevels ?? 0,
          }
        : null,
    evaluations: edited.evaluations,
    ...costReport(finished),
    outputs,
  }
}

const exactWords = {
  'given-image': 'with the same prompt the picture would come back, in every 8-bit value',
  'given-latent': 'with the same prompt the latent would come back; it does not decode to quite the picture',
  'given-memory': "with the same prompt and the solver's memory the latent would come back",
  no: 'with the same prompt the picture would not come back',
} as const

const backgroundText = ({ nmse, psnrDb, ssim, largestLevels }: Likeness): string =>
  largestLevels === 0
    ? 'the same pixels'
    : `NMSE ${(1000 * nmse).toFixed(2)}·10⁻³, PSNR ${decibels(psnrDb)}, SSIM ${ssim.toFixed(3)}, at most ${largestLevels} levels`

/** The report in words. */
export function sayEdit(io: Terminal, finished: FinishedEdit): void {
  const { request, model, notes, edited, mask, maskNotes, before, after, outputs } = finished
  const { lock } = editReport(finished)
  io.say(`${request.picture}: “${request.from}” → “${request.to}”`)
  for (const note of notes) io.say(`  note         ${note}`)
  io.say(
    `  by           ${model}, ${request.method}, ${request.solver ?? edited.solver}, ${edited.grid.length - 1} steps, guidance ${edited.guidance}`,
  )
  if (edited.decoder) {
    const { psnrBeforeDb, psnrAfterDb } = edited.decoder
    io.say(
      `  latent       decodes to the picture at ${decibels(psnrAfterDb)}, the encoder's at ${decibels(psnrBeforeDb)}`,
    )
  }
  io.say(`  exact        ${edited.exact}: ${exactWords[edited.exact]} (${edited.outcome})`)
  if (mask) {
    const share = mask.data.reduce((sum, value) => sum + value, 0) / mask.data.length
    io.say(`  mask         ${request.mask ?? 'found'}, ${(100 * share).toFixed(1)} % of the picture`)
    for (const note of maskNotes) io.say(`  mask note    ${note}`)
  } else io.say('  mask         none: everything may change')
  if (before) io.say(`  outside      ${backgroundText(before)}`)
  if (lock && after)
    io.say(`  locked       ${backgroundText(after)}; at most ${lock.boundLevels} allowed, checked in the file`)
  io.say(`  evaluations  ${evaluationText(edited.evaluations)}`)
  for (const line of costLines(finished)) io.say(line)
  io.say(`wrote ${Object.values(outputs).join(', ')}`)
}

/** A PNG: source, mask, edit, difference. */
export function editSheet({ request, source, mask, written, after, model }: FinishedEdit): Promise<Uint8Array> {
  const outside = after ? [`outside: ${backgroundText(after)}`] : []
  const cells = [
    { image: source, label: request.from },
    ...(mask ? [{ image: map(mask, (value) => 2 * value - 1), label: 'mask' }] : []),
    { image: written, label: [request.to, request.method].join('\n') },
    { image: errorMap(written, source, errorGain), label: [`difference × ${errorGain}`, ...outside].join('\n') },
  ]
  return contactSheet([cells], { title: model, cellSize: 256 })
}
