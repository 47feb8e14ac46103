/** An inversion in numbers, words and pictures. */
import { basename } from 'node:path'
import { type Evaluations, errorMap, formatShape, type LatentInversion, type Why } from 'undiffuse'
import { type ContactSheetCell, contactSheet } from 'undiffuse/node'
import type { FinishedInversion, Frame } from './inversion.js'
import type { Terminal } from './terminal.js'
import { autoencoderText, costLines, costReport, decibels } from './words.js'

const errorGain = 8
const mostRows = 8

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const meanOf = (frames: readonly Frame[], value: (inversion: LatentInversion) => number): number =>
  mean(frames.map(({ inversion }) => value(inversion)))

const total = (frames: readonly Frame[]): Evaluations => {
  const sum = (kind: keyof Evaluations) =>
    frames.reduce((count, { inversion }) => count + inversion.evaluations[kind], 0)
  return {
    encodes: sum('encodes'),
    decodes: sum('decodes'),
    roundTrips: sum('roundTrips'),
    pullbacks: sum('pullbacks'),
  }
}

/** One picture's latent in numbers. */
export const latentReport = (inversion: LatentInversion) => ({
  psnrBeforeDb: inversion.psnrBeforeDb,
  psnrAfterDb: inversion.psnrAfterDb,
  pixelResidualBefore: inversion.residual.before,
  pixelResidualAfter: inversion.residual.after,
  exact: inversion.exact,
  outcome: inversion.outcome,
  why: inversion.why,
  expectedLatentNmseDb: inversion.expectedNmseDb,
  iterations: inversion.iterations,
  evaluations: inversion.evaluations,
  seconds: inversion.seconds,
  pixelResidualHistory: inversion.history,
})

/** The report as JSON. A PSNR of equal pictures is infinite, which JSON has no number for: it is null. */
export function inversionReport(finished: FinishedInversion) {
  const { request, model, frames, outputs } = finished
  const [, height, width] = frames[0]!.source.image.shape
  const [, fittedHeight, fittedWidth] = frames[0]!.fitted.image.shape
  return {
    model,
    decoder: request.decoder,
    precisionBits: Number(request.precision),
    device: request.device ?? 'cpu',
    fit: request.fit,
    widthPixels: width,
    heightPixels: height,
    fittedWidthPixels: fittedWidth,
    fittedHeightPixels: fittedHeight,
    latentShape: frames[0]!.inversion.latent.shape,
    frames: frames.map(({ source, inversion }) => ({
      picture: source.path,
      notes: source.notes,
      ...latentReport(inversion),
    })),
    evaluations: total(frames),
    ...costReport(finished),
    outputs,
  }
}

function outcomeText(frames: readonly Frame[]): string {
  const outcomes = [...new Set(frames.map(({ inversion }) => inversion.outcome))]
  return outcomes
    .map((outcome) => {
      const count = frames.filter(({ inversion }) => inversion.outcome === outcome).length
      return frames.length === 1 ? outcome : `${outcome} ${count} of ${frames.length}`
    })
    .join(', ')
}

const whyText: Readonly<Record<Why, string>> = {
  'nothing-to-gain': 'more steps are expected to gain nothing',
  'rounding-reached': 'rounding explains what is left',
  'budget-spent': 'the budget is spent',
  'encoder-nearer': "no other latent came nearer than the encoder's",
}

/** The error of the latent to expect, which pixels do not tell, and why the method stopped. */
export function expectedText(inversions: readonly LatentInversion[]): string {
  const known = inversions.flatMap(({ expectedNmseDb }) => (expectedNmseDb === undefined ? [] : [expectedNmseDb]))
  const error =
    known.length === 0 ? 'error unknown' : `expected error ${mean(known).toFixed(1)} dB, if the model made the picture`
  const reasons = [...new Set(inversions.flatMap(({ why }) => (why === undefined ? [] : [whyText[why]])))]
  return [error, ...reasons].join('; ')
}

/** The report in words. Of several frames, means. */
export function sayReport(io: Terminal, finished: FinishedInversion): void {
  const { request, model, frames, outputs } = finished
  const [first] = frames as [Frame]
  const [, height, width] = first.fitted.image.shape
  const several = frames.length > 1 ? `${frames.length} frames, means: ` : ''
  for (const { source } of frames) for (const note of source.notes) io.say(`${basename(source.path)}: ${note}`)
  io.say(
    `${several}${width}×${height} pixels → latent ${formatShape(first.inversion.latent.shape)} of ${model}, by ${request.decoder}`,
  )
  const [, originalHeight, originalWidth] = first.source.image.shape
  if (height !== originalHeight || width !== originalWidth) {
    io.say(`  fitted       ${originalWidth}×${originalHeight} → ${width}×${height} by ${request.fit}`)
  }
  const psnr = [meanOf(frames, (one) => one.psnrBeforeDb), meanOf(frames, (one) => one.psnrAfterDb)].map(decibels)
  const residual = [meanOf(frames, (one) => one.residual.before), meanOf(frames, (one) => one.residual.after)]
  io.say(`  PSNR         ${psnr.join(' → ')}  (encoder alone → inverted, as 8-bit pictures)`)
  io.say(
    `  residual     ${residual.map((value) => value.toPrecision(4)).join(' → ')}  (‖D(z) − x‖, pixels from −1 to 1)`,
  )
  io.say(`  outcome      ${outcomeText(frames)}`)
  io.say(`  latent       ${expectedText(frames.map(({ inversion }) => inversion))}`)
  io.say(`  evaluations  ${autoencoderText(total(frames))}`)
  for (const line of costLines(finished)) io.say(line)
  io.say(`wrote ${outputs.latent}, ${outputs.sheet}, ${outputs.report}`)
}

/** More rows than these make a sheet that nobody looks at: they are shown evenly spaced. */
export function shown<T>(frames: readonly T[]): readonly T[] {
  if (frames.length <= mostRows) return frames
  const spacing = (frames.length - 1) / (mostRows - 1)
  return Array.from({ length: mostRows }, (_, i) => frames[Math.round(i * spacing)]!)
}

/** The picture, what comes back of it, and where both differ. */
export function cellsOf({ source, fitted, inversion }: Frame): readonly ContactSheetCell[] {
  const { restore, image } = fitted
  const { picture, encodedPicture, psnrBeforeDb, psnrAfterDb } = inversion
  return [
    { image: restore(image), label: basename(source.path) },
    { image: restore(encodedPicture), label: `encoder alone\n${decibels(psnrBeforeDb)}` },
    { image: restore(picture), label: `inverted\n${decibels(psnrAfterDb)}` },
    { image: restore(errorMap(encodedPicture, image, errorGain)), label: `error, encoder alone\n× ${errorGain}` },
    { image: restore(errorMap(picture, image, errorGain)), label: `error, inverted\n× ${errorGain}` },
  ]
}

/** A PNG: the picture, what comes back by the encoder alone and inverted, and where both differ from it. */
export const inversionSheet = ({ frames, request, model }: FinishedInversion): Promise<Uint8Array> =>
  contactSheet(shown(frames).map(cellsOf), { title: `${model}, ${request.decoder}` })
