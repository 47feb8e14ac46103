/** From pictures to the latents that decode to them: what `invert` does up to the latent. The method is the library's. */
import { expected } from '../../core/errors.js'
import type { Signal } from '../../core/progress.js'
import { Task } from '../../core/task.js'
import { sidesOf } from '../../model/layout.js'
import type { Model } from '../../model/model.js'
import type { Fitted } from '../../pictures/fit.js'
import { type LatentInversion, latentInversion } from '../../verbs/invert-decoder.js'
import { defaultChunk, sideBySide } from '../../verbs/side-by-side.js'
import { setting } from '../fields.js'
import { jsonText, prepareOutputs } from '../files/outputs.js'
import { lastName, withoutEnding } from '../files/paths.js'
import {
  checkPicture,
  fitPicture,
  largeNote,
  listPictures,
  measureSources,
  type NamedPicture,
  notesOf,
  readPictures,
} from '../files/pictures.js'
import { isTensorFile, tensorFile } from '../files/tensor-files.js'
import type { FileContent, Host, NetworkCost } from '../host.js'
import { noted, notedOf, partOf, type Running } from '../operation.js'
import { latentCells, shown } from '../reports/cells.js'
import { costReport, latentReport, totalAutoencoderEvaluations } from '../reports/numbers.js'
import { timed } from '../timed.js'
import type { InvertSettings } from './fields.js'
import { tensorFiles, tensorOutputs } from './outputs.js'

interface InvertedPicture {
  readonly source: NamedPicture
  readonly fitted: Fitted
  readonly inversion: LatentInversion
  readonly decoderSeconds: number
}

export type LatentOutputs = {
  /** One file for all pictures, or one for each. */
  readonly latent: string | readonly string[]
  readonly sheet?: string
  readonly report?: string
}

/** Everything that the report says. */
interface Inverted {
  readonly settings: InvertSettings
  readonly model: Model
  readonly pictures: readonly InvertedPicture[]
  readonly seconds: number
  readonly cost: NetworkCost
  readonly outputs: LatentOutputs
}

/** The settings that only lead on from the latent; said without effect, they are a mistake. */
const noiseOnly = ['prompt', 'negative', 'guidance', 'trueGuidance', 'solver', 'steps', 'refine', 'floor'] as const

function checkSettings(settings: InvertSettings): void {
  const named = noiseOnly.find((name) => settings[name] !== undefined)
  const wide = settings.precision === '64' ? setting('precision', '64') : undefined
  const got = named ? setting(named) : (wide ?? (settings.sources.some(isTensorFile) ? 'a latent' : undefined))
  if (got === undefined) return
  const remedy = `That is for ${setting('to', 'noise')}, which needs a model that denoises.`
  throw expected('bad-option', 'pictures and a decoder inversion', setting('to', 'latent'), got, remedy)
}

async function outputsOf(settings: InvertSettings, pictures: readonly string[], host: Host): Promise<LatentOutputs> {
  const names = pictures.map((path) => withoutEnding(lastName(path)))
  const { tensors, sheet, report } = await tensorOutputs(settings, names, host)
  return { latent: tensors, ...(sheet && { sheet }), ...(report && { report: report('report.json') }) }
}

/** What someone who finds the file needs to know. */
function latentFile(path: string, { settings, model, pictures }: Inverted): Uint8Array[] {
  const [{ source, fitted }] = pictures as readonly [InvertedPicture]
  const { layout, name } = model
  const [original, taken] = [source.image, fitted.image].map(({ shape }) => sidesOf(layout, shape))
  return tensorFile(
    path,
    { latent: pictures.map(({ inversion }) => inversion.latent) },
    {
      layout,
      metadata: {
        model: name,
        decoder: settings.decoder.text,
        fit: settings.fit,
        originalWidth: `${original!.width}`,
        originalHeight: `${original!.height}`,
        width: `${taken!.width}`,
        height: `${taken!.height}`,
        pictures: JSON.stringify(pictures.map(({ source }) => lastName(source.path))),
      },
      dtype: 'float32',
    },
  )
}

function reportOf({ settings, model, pictures, outputs, seconds, cost }: Inverted) {
  const [{ source, fitted, inversion }] = pictures as readonly [InvertedPicture]
  const [original, taken] = [source.image, fitted.image].map(({ shape }) => sidesOf(model.layout, shape))
  return {
    model: model.name,
    decoder: settings.decoder.text,
    precisionBits: Number(settings.precision),
    device: settings.device ?? 'cpu',
    fit: settings.fit,
    widthPixels: original!.width,
    heightPixels: original!.height,
    fittedWidthPixels: taken!.width,
    fittedHeightPixels: taken!.height,
    latentShape: inversion.latent.shape,
    pictures: pictures.map(({ source, inversion, decoderSeconds }) => ({
      picture: source.path,
      notes: source.notes,
      ...latentReport(inversion, decoderSeconds),
    })),
    evaluations: totalAutoencoderEvaluations(pictures.map(({ inversion }) => inversion.evaluations)),
    ...costReport(seconds, cost),
    outputs,
  }
}

export type LatentInversionReport = ReturnType<typeof reportOf>

/** Reads, inverts and writes. Fails before the networks run where it can be known to fail. */
export async function* invertToLatent(
  settings: InvertSettings,
  host: Host,
  signal?: Signal,
): Running<LatentInversionReport> {
  checkSettings(settings)
  const listed = await listPictures(settings.sources, host)
  const held = await host.models.openAutoencoder(settings)
  try {
    yield* notedOf(held)
    const { model } = held
    const { name, layout } = model
    for (const { about, text } of listed.notes) yield noted(about, text)
    const { chunk = defaultChunk, decoder } = settings
    const measured = await measureSources(listed, model, host, signal)
    const together = Math.min(chunk, measured.length)
    checkPicture(measured[0]!, model, settings.fit, { encode: together, decode: together })
    const large = largeNote(measured[0]!, model, settings.fit)
    if (large) yield large
    const sources = await readPictures(measured, host, signal)
    const fitted = sources.map((source) => fitPicture(source, layout, settings.fit))
    const paths = measured.map(({ path }) => path)
    const outputs = await outputsOf(settings, paths, host)
    await prepareOutputs(host.files, { ...outputs }, { 'a picture': listed.paths })

    const begin = host.now()
    const inverting = sideBySide(model, fitted, chunk, ({ image }, view) =>
      timed(latentInversion(image, { model: view, decoder: decoder.method, signal }), host),
    )
    const inversions = yield* partOf(new Task(inverting, signal))
    const seconds = host.now() - begin
    const pictures = sources.map((source, i) => ({
      source,
      fitted: fitted[i]!,
      inversion: inversions[i]!.value,
      decoderSeconds: inversions[i]!.seconds,
    }))
    const inverted = { settings, model, pictures, seconds, cost: await held.cost(), outputs }

    const result = reportOf(inverted)
    const rows = shown(pictures).map((one) => latentCells(lastName(one.source.path), one.fitted, one.inversion))
    const title = `${name}, ${settings.decoder.text}`
    const files: (readonly [string, FileContent])[] = [
      ...tensorFiles(outputs.latent, pictures, (path, some) => latentFile(path, { ...inverted, pictures: some })),
      ...(outputs.sheet ? [[outputs.sheet, await host.pictures.sheet(rows, { title })] as const] : []),
      ...(outputs.report ? [[outputs.report, jsonText(result)] as const] : []),
    ]
    await host.files.write(files)
    return { result, files: files.map(([path]) => path), notes: [...listed.notes, ...notesOf(sources)] }
  } finally {
    await held.close()
  }
}
