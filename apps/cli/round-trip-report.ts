/** A round trip in numbers, words and pictures. */
import { errorMap, formatShape, type Match } from 'undiffuse'
import { type ContactSheetCell, contactSheet } from 'undiffuse/node'
import { latentReport } from './inversion-report.js'
import { inversionLines, inversionNumbers, noiseCell } from './noise-report.js'
import type { FinishedRoundTrip, Leg } from './round-trip.js'
import { tensorPicture } from './tensor-pictures.js'
import type { Terminal } from './terminal.js'
import {
  costLines,
  costReport,
  decibels,
  errorDecibels,
  evaluationText,
  finiteOrNull,
  percent,
  totalEvaluations,
} from './words.js'

const errorGain = 8

const matchReport = ({ equalValues = 0, psnrDb = 0, latentNmseDb = 0 }: Match) => ({
  equalValuesShare: equalValues,
  psnrDb: finiteOrNull(psnrDb),
  latentNmseDb: finiteOrNull(latentNmseDb),
})

const legReport = ({ given, inversion, noiseExact, again, noiseNmseDb, latentNmseDb }: Leg) => ({
  given,
  latent: inversion.decoder ? latentReport(inversion.decoder) : null,
  ...inversionNumbers(inversion, noiseExact),
  noiseNmseDb: noiseNmseDb === undefined ? null : finiteOrNull(noiseNmseDb),
  latentNmseDb: latentNmseDb === undefined ? null : finiteOrNull(latentNmseDb),
  again: { ...matchReport(again.match), evaluations: again.evaluations, seconds: again.seconds },
})

/** The report as JSON. Errors of equal tensors and pictures are infinite decibels: null. */
export function roundTripReport(finished: FinishedRoundTrip, outputs: Readonly<Record<string, string>>) {
  const { request, model, recipe, made, legs, photograph } = finished
  const [, height, width] = made.image.shape
  const all = legs.flatMap(({ inversion, again }) => [inversion.evaluations, again.evaluations])
  return {
    model,
    start: photograph ? (request.picture ?? null) : { seed: request.seed ?? 0 },
    prompt: recipe.prompt ?? null,
    negativePrompt: recipe.negative ?? null,
    guidance: legs[0]!.inversion.guidance,
    solver: recipe.solver ?? legs[0]!.inversion.solver,
    steps: made.grid.length - 1,
    inverter: request.inverter,
    decoder: request.decoder,
    precisionBits: Number(request.precision),
    device: request.device ?? 'cpu',
    widthPixels: width,
    heightPixels: height,
    latentShape: made.latent.shape,
    ...(!photograph && { generation: { evaluations: made.evaluations, seconds: made.seconds } }),
    legs: legs.map(legReport),
    evaluations: totalEvaluations(photograph ? all : [made.evaluations, ...all]),
    ...costReport(finished),
    outputs,
  }
}

function legLines({ given, inversion, noiseExact, again, noiseNmseDb, latentNmseDb }: Leg): readonly string[] {
  const { equalValues = 0, psnrDb = 0 } = again.match
  const errors = [
    ...(given === 'picture' && latentNmseDb !== undefined ? [`latent ${errorDecibels(latentNmseDb)}`] : []),
    ...(noiseNmseDb === undefined ? [] : [`noise ${errorDecibels(noiseNmseDb)}`]),
  ]
  return [
    given === 'latent' ? 'latent → noise → picture' : 'picture alone → latent → noise → picture',
    ...inversionLines(inversion, noiseExact),
    ...(errors.length > 0 ? [`  error        ${errors.join(', ')}  (NMSE, against what it was made from)`] : []),
    `  again        ${percent(equalValues)} of the picture's 8-bit values are the same, PSNR ${decibels(psnrDb)}; ${evaluationText(again.evaluations)}`,
  ]
}

/** The report in words. */
export function sayRoundTrip(io: Terminal, finished: FinishedRoundTrip, files: readonly string[]): void {
  const { request, model, recipe, made, legs, photograph } = finished
  const [, height, width] = made.image.shape
  const [{ inversion }] = legs as readonly [Leg]
  const solver = `${recipe.solver ?? inversion.solver}, ${made.grid.length - 1} steps, guidance ${inversion.guidance}`
  const prompt = recipe.prompt === undefined ? 'without a prompt' : `“${recipe.prompt}”`
  io.say(photograph ? `${request.picture}, ${prompt}` : `noise → picture: ${prompt}, seed ${request.seed ?? 0}`)
  io.say(`  by           ${model}, ${solver}`)
  io.say(`  sizes        noise ${formatShape(made.latent.shape)}, picture ${width}×${height}`)
  if (!photograph) io.say(`  evaluations  ${evaluationText(made.evaluations)}`)
  for (const line of legs.flatMap(legLines)) io.say(line)
  io.say('in all')
  for (const line of costLines(finished)) io.say(line)
  io.say(`wrote ${files.join(', ')}`)
}

/** What came back, the noise that was found, and where both differ from what they should be. */
function cells(
  finished: FinishedRoundTrip,
  { given, inversion, again, noiseNmseDb }: Leg,
): readonly ContactSheetCell[] {
  const { made, photograph } = finished
  const { equalValues = 0 } = again.match
  const wanted = given === 'picture' && photograph ? photograph : made.image
  const noises = [inversion.noise, made.noise].map((noise) => tensorPicture(noise, made.noise))
  return [
    { image: again.image, label: `again, given the ${given}\n${percent(equalValues)} of values equal` },
    noiseCell(inversion.noise, 'noise found'),
    { image: errorMap(again.image, wanted, errorGain), label: `error of the picture\n× ${errorGain}` },
    ...(noiseNmseDb === undefined
      ? []
      : [
          {
            image: errorMap(noises[0]!, noises[1]!, errorGain),
            label: `error of the noise × ${errorGain}\n${errorDecibels(noiseNmseDb)}`,
          },
        ]),
  ]
}

/** A PNG: where it started, and for each way back the picture and the noise that came of it, with their errors. */
export function roundTripSheet(finished: FinishedRoundTrip): Promise<Uint8Array> {
  const { made, photograph, legs, recipe, model, request } = finished
  const start: readonly ContactSheetCell[] = photograph
    ? [{ image: photograph, label: request.name }]
    : [
        { image: made.image, label: `made of seed ${request.seed ?? 0}` },
        noiseCell(made.noise, 'noise'),
        { image: tensorPicture(made.latent), label: 'latent' },
      ]
  const title = recipe.prompt === undefined ? model : `${model}: ${recipe.prompt}`
  return contactSheet([start, ...legs.map((one) => cells(finished, one))], { title, cellSize: 256 })
}
