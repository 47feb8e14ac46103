/** What `invert` and `example` do: pictures in, a latent and its report out. The method is the library's. */
import { mkdir } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import {
  decoderInverters,
  encodeSafetensors,
  expected,
  type Fit,
  type Fitted,
  invertDecoderAll,
  type LatentInversion,
  openAutoencoder,
  openAutoencoderNetworks,
  parse,
  safetensor,
  type Tensor,
} from 'undiffuse'
import { nodeFiles, writeFilesAtomically } from 'undiffuse/node'
import type { PrecisionName } from './diffusion.js'
import { inversionReport, inversionSheet, sayReport } from './inversion-report.js'
import { modelFolder, type NetworkCost, withRuntime } from './networks.js'
import { prepareOutputs } from './outputs.js'
import { fitPicture, type NamedPicture, pictureFiles, readPictures } from './pictures.js'
import { withProfile } from './profiles.js'
import type { Terminal } from './terminal.js'

export const defaultDecoder = decoderInverters[0].definition.id

export interface InversionRequest {
  readonly decoder: string
  readonly precision: PrecisionName
  readonly model?: string
  readonly device?: string
  readonly lean: boolean
  readonly profile?: string
  readonly fit: Fit
  readonly chunk?: number
  readonly output?: string
  readonly report?: string
}

export interface Frame {
  readonly source: NamedPicture
  readonly fitted: Fitted
  readonly inversion: LatentInversion
}

/** Everything that the report says. */
export interface FinishedInversion {
  readonly request: InversionRequest
  readonly model: string
  readonly frames: readonly Frame[]
  readonly seconds: number
  readonly cost: NetworkCost
  readonly outputs: Outputs
}

export interface Outputs {
  readonly latent: string
  readonly sheet: string
  readonly report: string
}

function outputsOf({ output, report }: InversionRequest, first: string): Outputs {
  const stem = basename(resolve(first), extname(first))
  const latent = output ?? `${stem}.safetensors`
  if (extname(latent) !== '.safetensors') {
    throw expected('bad-option', 'a name that ends in .safetensors', '`--output`', `\`${latent}\``, 'Change the name.')
  }
  const beside = join(report ?? dirname(latent), basename(latent, '.safetensors'))
  return { latent, sheet: `${beside}.sheet.png`, report: `${beside}.report.json` }
}

/** Nothing is computed for outputs that cannot be written. The report's folder is made. */
async function prepare({ report }: InversionRequest, outputs: Outputs, paths: readonly string[]): Promise<void> {
  if (report !== undefined) await mkdir(report, { recursive: true }).catch(() => {})
  await prepareOutputs({ ...outputs }, { 'a picture': await pictureFiles(paths) })
}

const stack = (latents: readonly Tensor[]): Tensor => ({
  shape: [latents.length, ...latents[0]!.shape],
  data: Float64Array.from(latents.flatMap(({ data }) => [...data])),
})

/** What someone who finds the file needs to know. */
function latentFile({ request, model, frames }: FinishedInversion): Uint8Array[] {
  const [, height, width] = frames[0]!.source.image.shape
  const [, fittedHeight, fittedWidth] = frames[0]!.fitted.image.shape
  const latents = stack(frames.map(({ inversion }) => inversion.latent))
  return encodeSafetensors(
    { latent: safetensor(latents) },
    {
      model,
      decoder: request.decoder,
      fit: request.fit,
      originalWidth: `${width}`,
      originalHeight: `${height}`,
      width: `${fittedWidth}`,
      height: `${fittedHeight}`,
      pictures: JSON.stringify(frames.map(({ source }) => basename(source.path))),
    },
  )
}

/** Reads, inverts, writes and reports. Fails before the networks run where it can be known to fail. */
export async function invertPictures(io: Terminal, paths: readonly string[], request: InversionRequest): Promise<void> {
  const decoder = parse(decoderInverters, request.decoder)
  const outputs = outputsOf(request, paths[0]!)
  const folder = await modelFolder(request.model)
  const networks = await withProfile(await openAutoencoderNetworks(nodeFiles, folder), folder, request.profile)
  const sources = await readPictures(paths, io)
  const fitted = sources.map((source) => fitPicture(source, networks.downscaling, request.fit))
  await prepare(request, outputs, paths)

  const { device, lean, chunk } = request
  const finished = await withRuntime(device, async (runtime, cost): Promise<FinishedInversion> => {
    const start = performance.now()
    const task = invertDecoderAll(
      fitted.map(({ image }) => image),
      {
        model: openAutoencoder(networks, runtime, { precision: request.precision === '16' ? 16 : 32, lean }),
        decoder,
        signal: io.signal,
        now: () => performance.now() / 1000,
        ...(chunk !== undefined && { chunk }),
      },
    )
    for await (const progress of task) io.progress(progress)
    const seconds = (performance.now() - start) / 1000
    const inversions = await task
    const frames = sources.map((source, i) => ({ source, fitted: fitted[i]!, inversion: inversions[i]! }))
    return { request, model: networks.name, frames, seconds, cost: await cost(), outputs }
  })

  const report = inversionReport(finished)
  await writeFilesAtomically([
    [outputs.latent, latentFile(finished)],
    [outputs.sheet, await inversionSheet(finished)],
    [outputs.report, `${JSON.stringify(report, undefined, 2)}\n`],
  ])
  io.clear()
  sayReport(io, finished)
  io.result(report)
}
