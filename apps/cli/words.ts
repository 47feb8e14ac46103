/** Numbers in words, the same in every report. */
import type { Evaluations, VerbEvaluations } from 'undiffuse'
import type { NetworkCost } from './networks.js'

/** Of equal pictures a PSNR is infinite. */
export const decibels = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? 'no error' : `${value.toFixed(2)} dB`

/** Of an error: equal tensors have −∞ dB. */
export const errorDecibels = (value: number): string =>
  value === Number.NEGATIVE_INFINITY ? 'no error' : `${value.toFixed(1)} dB`

/** Rounded down, so that 100 % means all of them. */
export const percent = (share: number): string => `${(Math.floor(share * 1e4) / 100).toFixed(2)} %`

export const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`

const counts = (parts: readonly (readonly [count: number, name: string])[]): string =>
  parts.flatMap(([count, name]) => (count > 0 ? [plural(count, name)] : [])).join(', ')

export const autoencoderText = ({ encodes, decodes, roundTrips, pullbacks }: Evaluations): string =>
  counts([
    [encodes, 'encode'],
    [decodes, 'decode'],
    [roundTrips, 'round trip'],
    [pullbacks, 'pullback'],
  ])

/** Of the denoiser, guidance counted twice, and of the autoencoder. */
export function evaluationText({ denoises, pullbacks, pushforwards = 0, autoencoder }: VerbEvaluations): string {
  const denoiser = counts([
    [denoises, 'evaluation'],
    [pullbacks, 'gradient'],
    [pushforwards, 'pushforward'],
  ])
  return [denoiser, autoencoderText(autoencoder)].filter((text) => text !== '').join('; ')
}

/** Sums of counts of runs. */
export function totalEvaluations(all: readonly VerbEvaluations[]): VerbEvaluations {
  const sum = (value: (one: VerbEvaluations) => number) => all.reduce((total, one) => total + value(one), 0)
  return {
    denoises: sum((one) => one.denoises),
    pullbacks: sum((one) => one.pullbacks),
    ...(all.some((one) => one.pushforwards) && { pushforwards: sum((one) => one.pushforwards ?? 0) }),
    autoencoder: {
      encodes: sum((one) => one.autoencoder.encodes),
      decodes: sum((one) => one.autoencoder.decodes),
      roundTrips: sum((one) => one.autoencoder.roundTrips),
      pullbacks: sum((one) => one.autoencoder.pullbacks),
    },
  }
}

/** What a command took. */
export interface Timed {
  readonly seconds: number
  readonly cost: NetworkCost
}

/** Time outside the networks, once they are open: the share that this program adds. */
export const overheadShare = ({ seconds, cost }: Timed): number =>
  Math.max(0, seconds - cost.openingSeconds - cost.networkSeconds) / seconds

/** For the report as JSON. */
export const costReport = ({ seconds, cost }: Timed) => ({
  seconds,
  networkSeconds: cost.networkSeconds,
  openingSeconds: cost.openingSeconds,
  overheadShare: overheadShare({ seconds, cost }),
  networkRuns: cost.networkRuns,
  peakMemoryBytes: cost.peakMemoryBytes,
})

/** The last two lines of every report. */
export function costLines({ seconds, cost }: Timed): readonly string[] {
  const parts = [
    `${cost.networkSeconds.toFixed(2)} s in the networks`,
    `${cost.openingSeconds.toFixed(2)} s opening them`,
    `overhead ${(100 * overheadShare({ seconds, cost })).toFixed(1)} %`,
  ]
  return [
    `  time         ${seconds.toFixed(2)} s: ${parts.join(', ')}`,
    `  memory       ${(cost.peakMemoryBytes / 2 ** 20).toFixed(0)} MiB at most, in the networks' process`,
  ]
}

/** JSON has no infinite numbers: they are null. */
export const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null)
