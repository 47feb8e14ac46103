/** From pictures to the latents that decode to them: what `invert` does up to the latent. The method is the library's. */
import { encodeSafetensors } from '../../checkpoints/safetensors.js'
import { safetensor } from '../../checkpoints/tensors.js'
import { expected } from '../../core/errors.js'
import type { Signal } from '../../core/progress.js'
import type { Fitted } from '../../pictures/fit.js'
import { invertDecoderAll, type LatentInversion } from '../../verbs/invert-decoder.js'
import { setting } from '../fields.js'
import { jsonText, prepareOutputs } from '../files/outputs.js'
import { endingOf, lastName, withoutEnding } from '../files/paths.js'
import { fitPicture, listPictures, type NamedPicture, notesOf, readPictures } from '../files/pictures.js'
import { isTensorFile, stack } from '../files/tensor-files.js'
import type { Host, NetworkCost } from '../host.js'
import { noted, partOf, type Running } from '../operation.js'
import { latentCells, shown } from '../reports/cells.js'
import { costReport, latentReport, totalAutoencoderEvaluations } from '../reports/numbers.js'
import type { InvertSettings } from './fields.js'

interface Frame {
  readonly source: NamedPicture
  readonly fitted: Fitted
  readonly inversion: LatentInversion
}

export type LatentOutputs = Readonly<Record<'latent' | 'sheet' | 'report', string>>

/** Everything that the report says. */
interface Inverted {
  readonly settings: InvertSettings
  readonly model: string
  readonly frames: readonly Frame[]
  readonly seconds: number
  readonly cost: NetworkCost
  readonly outputs: LatentOutputs
}

/** The settings that only lead on from the latent; said without effect, they are a mistake. */
const noiseOnly = ['prompt', 'negative', 'guidance', 'solver', 'steps', 'refine', 'floor'] as const

function checkSettings(settings: InvertSettings): void {
  const named = noiseOnly.find((name) => settings[name] !== undefined)
  const wide = settings.precision === '64' ? setting('precision', '64') : undefined
  const got = named ? setting(named) : (wide ?? (settings.sources.some(isTensorFile) ? 'a latent' : undefined))
  if (got === undefined) return
  const remedy = `That is for ${setting('to', 'noise')}, which needs a model with a unet.`
  throw expected('bad-option', 'pictures and a decoder inversion', setting('to', 'latent'), got, remedy)
}

function outputsOf({ output, report, sources }: InvertSettings, { files }: Host): LatentOutputs {
  const first = files.nameOf(sources[0]!)
  const latent = output ?? `${withoutEnding(first)}.safetensors`
  if (endingOf(latent) !== '.safetensors') {
    const what = 'a name that ends in .safetensors'
    throw expected('bad-option', what, setting('output'), `\`${latent}\``, 'Change the name.')
  }
  const beside = files.join(report ?? files.folderOf(latent), files.nameOf(withoutEnding(latent)))
  return { latent, sheet: `${beside}.sheet.png`, report: `${beside}.report.json` }
}

/** What someone who finds the file needs to know. */
function latentFile({ settings, model, frames }: Inverted): Uint8Array[] {
  const [, height, width] = frames[0]!.source.image.shape
  const [, fittedHeight, fittedWidth] = frames[0]!.fitted.image.shape
  const latents = stack(frames.map(({ inversion }) => inversion.latent))
  return encodeSafetensors(
    { latent: safetensor(latents) },
    {
      model,
      decoder: settings.decoder.text,
      fit: settings.fit,
      originalWidth: `${width}`,
      originalHeight: `${height}`,
      width: `${fittedWidth}`,
      height: `${fittedHeight}`,
      pictures: JSON.stringify(frames.map(({ source }) => lastName(source.path))),
    },
  )
}

function reportOf({ settings, model, frames, outputs, seconds, cost }: Inverted) {
  const [, height, width] = frames[0]!.source.image.shape
  const [, fittedHeight, fittedWidth] = frames[0]!.fitted.image.shape
  return {
    model,
    decoder: settings.decoder.text,
    precisionBits: Number(settings.precision),
    device: settings.device ?? 'cpu',
    fit: settings.fit,
    widthPixels: width!,
    heightPixels: height!,
    fittedWidthPixels: fittedWidth!,
    fittedHeightPixels: fittedHeight!,
    latentShape: frames[0]!.inversion.latent.shape,
    frames: frames.map(({ source, inversion }) => ({
      picture: source.path,
      notes: source.notes,
      ...latentReport(inversion),
    })),
    evaluations: totalAutoencoderEvaluations(frames.map(({ inversion }) => inversion.evaluations)),
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
  const outputs = outputsOf(settings, host)
  const held = await host.models.openAutoencoder(settings)
  try {
    const { model } = held
    const { name, layout } = model
    const listed = await listPictures(settings.sources, host)
    for (const { about, text } of listed.notes) yield noted(about, text)
    const sources = await readPictures(listed.paths, host, signal)
    const fitted = sources.map((source) => fitPicture(source, layout.multiple, settings.fit))
    if (settings.report !== undefined) await host.files.makeFolder(settings.report)
    await prepareOutputs(host.files, outputs, { 'a picture': listed.paths })

    const begin = host.now()
    const inversions = yield* partOf(
      invertDecoderAll(
        fitted.map(({ image }) => image),
        {
          model,
          decoder: settings.decoder.method,
          signal,
          now: host.now,
          ...(settings.chunk !== undefined && { chunk: settings.chunk }),
        },
      ),
    )
    const seconds = host.now() - begin
    const frames = sources.map((source, i) => ({ source, fitted: fitted[i]!, inversion: inversions[i]! }))
    const inverted = { settings, model: name, frames, seconds, cost: await held.cost(), outputs }

    const result = reportOf(inverted)
    const rows = shown(frames).map((one) => latentCells(lastName(one.source.path), one.fitted, one.inversion))
    await host.files.write([
      [outputs.latent, latentFile(inverted)],
      [outputs.sheet, await host.pictures.sheet(rows, { title: `${name}, ${settings.decoder.text}` })],
      [outputs.report, jsonText(result)],
    ])
    return { result, files: Object.values(outputs), notes: [...listed.notes, ...notesOf(sources)] }
  } finally {
    await held.close()
  }
}
