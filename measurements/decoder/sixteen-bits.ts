/** Networks in 16 bits against the same in 32: accuracy and speed of each kind of run. The methods are rows of the sweep. */
import {
  type Autoencoder,
  type AutoencoderNetworks,
  autoencoderOf,
  median,
  openAutoencoder,
  type Runtime,
  type Signal,
  type Steps,
} from 'undiffuse'
import { decimal, textTable } from '../shared/text-table.js'
import { type HalfPrecision, halfGradientDb, halfPrecisionOf } from './half-precision.js'
import type { KnownPicture } from './pictures.js'

/** Scales of the loss whose gradients are shown: none, a constant of static scaling, the start of dynamic scaling. */
const lossScales = [1, 1024, 65536]

const kinds = ['encode', 'decode', 'roundTrip', 'pullback'] as const

/** Seconds of one run of each kind: the median of five, networks already open. */
export type RunSeconds = Readonly<Record<(typeof kinds)[number], number>>

export interface SixteenBits {
  readonly networks: HalfPrecision
  /** Near the answer, at the known latents, where gradients are smallest. NaN where one overflows. */
  readonly gradients: readonly { readonly lossScale: number; readonly errorDb: number }[]
  readonly seconds: Readonly<Record<'32' | '16', RunSeconds>>
}

const timedRuns = 5

async function runSeconds(autoencoder: Autoencoder, { image, latent }: KnownPicture): Promise<RunSeconds> {
  const runs = {
    encode: () => autoencoder.encode(image),
    decode: () => autoencoder.decode(latent),
    roundTrip: () => autoencoder.roundTrip(latent),
    pullback: () => autoencoder.pullback!(latent, image),
  }
  async function timed(kind: keyof typeof runs): Promise<number> {
    await runs[kind]()
    const seconds: number[] = []
    for (let i = 0; i < timedRuns; i++) {
      const start = performance.now()
      await runs[kind]()
      seconds.push((performance.now() - start) / 1000)
    }
    return median(seconds)
  }
  return {
    encode: await timed('encode'),
    decode: await timed('decode'),
    roundTrip: await timed('roundTrip'),
    pullback: await timed('pullback'),
  }
}

/** Measures both precisions on the pictures, and their speed on the first. Errors: those of the runtime. */
export async function* sixteenBits(
  networks: AutoencoderNetworks,
  runtime: Runtime,
  problems: readonly KnownPicture[],
  signal?: Signal,
): Steps<SixteenBits> {
  const models = [openAutoencoder(networks, runtime), openAutoencoder(networks, runtime, { precision: 16 })] as const
  const [exact, half] = [autoencoderOf(models[0], signal), autoencoderOf(models[1], signal)]
  const progress = (done: number) => ({ stage: 'comparing 16 bits with 32', done, total: lossScales.length + 2 })
  try {
    yield progress(0)
    const agreement = await halfPrecisionOf(half, exact, problems)
    const gradients: SixteenBits['gradients'][number][] = []
    for (const lossScale of lossScales) {
      yield progress(1 + gradients.length)
      gradients.push({ lossScale, errorDb: await halfGradientDb(half, exact, problems, lossScale) })
    }
    yield progress(1 + gradients.length)
    const [first] = problems as [KnownPicture]
    const seconds = { '32': await runSeconds(exact, first), '16': await runSeconds(half, first) }
    return { networks: agreement, gradients, seconds }
  } finally {
    for (const model of models) await model.close()
  }
}

/** In words and numbers. */
export function sixteenBitsText({ networks, gradients, seconds }: SixteenBits): readonly string[] {
  const row = (bits: '32' | '16') => [`${bits} bits`, ...kinds.map((kind) => decimal(seconds[bits][kind], 3))]
  return [
    networks.finite
      ? `16 bits against 32: latent ${decimal(networks.latentDb, 1)} dB NMSE, picture ${decimal(networks.imagePsnrDb, 1)} dB PSNR.`
      : 'In 16 bits the networks overflow.',
    `Gradients at the known latents, by the scale of the loss: ${gradients
      .map(({ lossScale, errorDb }) => `${lossScale}: ${decimal(errorDb, 1)} dB`)
      .join(', ')}.`,
    '',
    textTable(['seconds of a run', 'encode', 'decode', 'round trip', 'pullback'], [row('32'), row('16')]),
  ]
}
