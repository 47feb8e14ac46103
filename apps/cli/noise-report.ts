/** Inversions to the noise in numbers, words, pictures and a chart. */
import {
  type Exactness,
  formatShape,
  type InvertedStep,
  type NoiseInversion,
  type PictureFloor,
  type Refinement,
} from 'undiffuse'
import { type ContactSheetCell, contactSheet, scatterPlot } from 'undiffuse/node'
import { cellsOf, latentReport, shown } from './inversion-report.js'
import type { FinishedNoise, InvertedSource } from './noise-inversion.js'
import { momentsOf, tensorPicture } from './tensor-pictures.js'
import type { Terminal } from './terminal.js'
import { costLines, costReport, decibels, evaluationText, finiteOrNull, plural, totalEvaluations } from './words.js'

/** The largest residual of the steps; null where one is not known. */
const largestResidual = ({ steps }: NoiseInversion): number | null =>
  finiteOrNull(Math.max(...steps.map(({ residual }) => residual)))

const stepReport = ({ residual, ...step }: InvertedStep) => ({ ...step, residual: finiteOrNull(residual) })

/** One inversion in numbers. */
export const inversionNumbers = (inversion: NoiseInversion, noiseExact: Exactness) => ({
  noise: { exact: noiseExact, outcome: inversion.outcome, ...momentsOf(inversion.noise) },
  largestResidual: largestResidual(inversion),
  convergedSteps: inversion.steps.filter(({ outcome }) => outcome === 'converged').length,
  steps: inversion.steps.map(stepReport),
  evaluations: inversion.evaluations,
  ...(inversion.refinement && { refinement: refinementNumbers(inversion.refinement) }),
  seconds: inversion.seconds,
})

const refinementNumbers = ({ name, objective, outcome, history }: Refinement) => ({
  name,
  objectiveBefore: objective.before,
  objectiveAfter: objective.after,
  outcome,
  rounds: history.length - 1,
})

/** The error to expect at best, in numbers. */
const floorNumbers = ({ nmseDb, intervalDb, probes, evaluations, seconds }: PictureFloor) => ({
  nmseDb,
  ...(intervalDb && { lowDb: finiteOrNull(intervalDb.low), highDb: intervalDb.high }),
  probes,
  evaluations,
  seconds,
})

/** The report as JSON. Residuals are shares of the noise in the cleaner end of a step; null where not known. */
export function noiseReport(finished: FinishedNoise) {
  const { request, model, recipe, sources, outputs } = finished
  const [{ inversion, source, fitted }] = sources as readonly [InvertedSource]
  const [, height, width] = source.picture?.image.shape ?? []
  const [, fittedHeight, fittedWidth] = fitted?.image.shape ?? []
  return {
    model,
    to: 'noise',
    prompt: recipe.prompt ?? null,
    negativePrompt: recipe.negative ?? null,
    guidance: inversion.guidance,
    solver: recipe.solver ?? inversion.solver,
    steps: inversion.grid.length - 1,
    inverter: request.inverter,
    precisionBits: Number(request.precision),
    device: request.device ?? 'cpu',
    ...(source.picture && {
      decoder: request.decoder,
      fit: request.fit,
      widthPixels: width,
      heightPixels: height,
      fittedWidthPixels: fittedWidth,
      fittedHeightPixels: fittedHeight,
    }),
    latentShape: inversion.latent.shape,
    ...(request.refine !== undefined && { refine: request.refine }),
    sources: sources.map(({ source, inversion, noiseExact, floor }) => ({
      source: source.picture?.path ?? source.name,
      notes: source.picture?.notes ?? [],
      latent: inversion.decoder ? latentReport(inversion.decoder) : null,
      ...inversionNumbers(inversion, noiseExact),
      ...(floor && { floor: floorNumbers(floor) }),
    })),
    evaluations: totalEvaluations(sources.map(({ inversion }) => inversion.evaluations)),
    ...costReport(finished),
    outputs,
  }
}

const exactnessText: Readonly<Record<Exactness, string>> = {
  'given-image': 'exact given the picture: sampled again, it makes its 8 bits',
  'given-latent': 'exact given this latent: sampled again, it leads to it',
  'given-memory': "exact given the latent and the solver's memory",
  no: 'not exact: not every step was undone',
}

/** How steps ended: `50 converged`, `48 converged, 2 exhausted`. */
export function outcomesText(steps: readonly InvertedStep[]): string {
  const names = [...new Set(steps.map(({ outcome }) => outcome))]
  return names.map((name) => `${steps.filter(({ outcome }) => outcome === name).length} ${name}`).join(', ')
}

export const residualText = (inversion: NoiseInversion): string => {
  const largest = largestResidual(inversion)
  return largest === null ? 'not known' : `at most ${largest.toExponential(1)}`
}

/** How the latent and the noise were found, as lines below a heading. */
export function inversionLines(inversion: NoiseInversion, noiseExact: Exactness): readonly string[] {
  const { decoder, noise, refinement, steps, evaluations } = inversion
  const { mean: centre, deviation } = momentsOf(noise)
  const each = (evaluations.denoises + evaluations.pullbacks) / steps.length
  return [
    ...(decoder
      ? [
          `  latent       PSNR ${decibels(decoder.psnrBeforeDb)} → ${decibels(decoder.psnrAfterDb)}  (encoder alone → inverted, as 8-bit pictures)`,
          `               ${decoder.outcome}; ${decoder.exact === 'no' ? 'not exact: it decodes to other 8-bit values' : 'exact given the picture'}`,
        ]
      : []),
    ...(refinement
      ? [
          `  refined      by ${refinement.name}, ${plural(refinement.history.length - 1, 'round')}: objective ${refinement.objective.before.toFixed(0)} → ${refinement.objective.after.toFixed(0)}`,
        ]
      : []),
    `  steps        ${outcomesText(steps)}; residual ${residualText(inversion)}  (share of the noise in a step)`,
    `  noise        mean ${centre.toFixed(3)}, deviation ${deviation.toFixed(3)}; ${exactnessText[noiseExact]}`,
    `  evaluations  ${evaluationText(evaluations)}; ${each.toFixed(1)} a step`,
  ]
}

const floorText = ({ nmseDb, intervalDb, probes }: PictureFloor): string =>
  intervalDb
    ? `${nmseDb.toFixed(1)} dB (${intervalDb.low.toFixed(1)} to ${intervalDb.high.toFixed(1)}, ${probes} probes)`
    : `${nmseDb.toFixed(1)} dB`

/** The report in words. */
export function sayNoiseReport(io: Terminal, finished: FinishedNoise): void {
  const { request, model, recipe, sources, outputs } = finished
  const [{ inversion, source, fitted }] = sources as readonly [InvertedSource]
  for (const { source } of sources) for (const note of source.picture?.notes ?? []) io.say(`${source.name}: ${note}`)
  const shape = formatShape(inversion.latent.shape)
  const [, height, width] = fitted?.image.shape ?? []
  const from = fitted ? `${width}×${height} pixels → latent` : 'latent'
  io.say(`${sources.length > 1 ? `${sources.length} × ` : ''}${from} ${shape} → noise of ${model}`)
  const [, originalHeight, originalWidth] = source.picture?.image.shape ?? []
  if (height !== originalHeight || width !== originalWidth) {
    io.say(`  fitted       ${originalWidth}×${originalHeight} → ${width}×${height} by ${request.fit}`)
  }
  const prompt = recipe.prompt === undefined ? 'without a prompt' : `“${recipe.prompt}”`
  const methods = [...(fitted ? [request.decoder] : []), `${request.inverter} on ${recipe.solver ?? inversion.solver}`]
  io.say(
    `  by           ${methods.join('; ')}, ${plural(inversion.steps.length, 'step')}, guidance ${inversion.guidance}, ${prompt}`,
  )
  for (const { source, inversion, noiseExact, floor } of sources) {
    if (sources.length > 1) io.say(source.name)
    for (const line of inversionLines(inversion, noiseExact)) io.say(line)
    if (floor) io.say(`  floor        ${floorText(floor)}: the error of the noise to expect at best`)
  }
  for (const line of costLines(finished)) io.say(line)
  io.say(`wrote ${Object.values(outputs).join(', ')}`)
}

/** The noise as colours, with its moments. */
export function noiseCell(noise: NoiseInversion['noise'], label: string): ContactSheetCell {
  const { mean: centre, deviation } = momentsOf(noise)
  return {
    image: tensorPicture(noise),
    label: `${label}\nmean ${centre.toFixed(2)}, deviation ${deviation.toFixed(2)}`,
  }
}

function cells({ source, fitted, inversion }: InvertedSource): readonly ContactSheetCell[] {
  const { decoder, latent, noise } = inversion
  const picture =
    source.picture && fitted && decoder ? cellsOf({ source: source.picture, fitted, inversion: decoder }) : []
  return [
    ...picture,
    { image: tensorPicture(latent), label: `latent${picture.length > 0 ? '' : `\n${source.name}`}` },
    noiseCell(noise, 'noise'),
  ]
}

/** A PNG: the picture, what its latent decodes to, where both differ, the latent and the noise. */
export const noiseSheet = ({ sources, request, recipe, model }: FinishedNoise): Promise<Uint8Array> =>
  contactSheet(shown(sources).map(cells), {
    title: `${model}, ${request.inverter} on ${recipe.solver ?? sources[0]!.inversion.solver}`,
    cellSize: 256,
  })

/** The residual of each step against what the network is told; undefined where none is known and above 0. */
export async function noisePlot(
  named: readonly { readonly name: string; readonly inversion: NoiseInversion }[],
): Promise<string | undefined> {
  const series = shown(named).map(({ name, inversion: { steps } }) => ({
    name,
    line: true,
    points: steps.flatMap(({ fromTime, residual }) =>
      residual > 0 && Number.isFinite(residual) ? [{ x: fromTime, y: residual }] : [],
    ),
  }))
  if (series.every(({ points }) => points.length === 0)) return undefined
  return await scatterPlot({
    title: 'Residual of each step',
    x: { title: 'Time that the network is told: the noisiest is on the right' },
    y: { title: 'Residual, share of the noise', log: true },
    series,
  })
}
