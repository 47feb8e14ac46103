/** Numbers in words, the same in every report. */
import type { Evaluations, VerbEvaluations } from 'undiffuse'
import { type CostReport, plural, standardStream } from 'undiffuse/operations'

/** The last name of a path. */
export const lastName = (path: string): string => path.split(/[\\/]/).findLast((part) => part !== '') ?? path

const counts = (parts: readonly (readonly [count: number, name: string])[]): string =>
  parts.flatMap(([count, name]) => (count > 0 ? [plural(count, name)] : [])).join(', ')

export const autoencoderText = ({ encodes, decodes, roundTrips, pullbacks }: Evaluations): string =>
  counts([
    [encodes, 'encode'],
    [decodes, 'decode'],
    [roundTrips, 'round trip'],
    [pullbacks, 'pullback'],
  ])

/** The weights that a report tells. */
export const guidanceText = ({ guidance, trueGuidance }: { guidance: number; trueGuidance?: number | undefined }) =>
  `guidance ${guidance}${trueGuidance === undefined ? '' : `, true guidance ${trueGuidance}`}`

/** Of the denoiser, guidance counted twice, and of the autoencoder. */
export function evaluationText({ denoises, pullbacks, pushforwards = 0, autoencoder }: VerbEvaluations): string {
  const denoiser = counts([
    [denoises, 'evaluation'],
    [pullbacks, 'gradient'],
    [pushforwards, 'pushforward'],
  ])
  return [denoiser, autoencoderText(autoencoder)].filter((text) => text !== '').join('; ')
}

/** The last two lines of every report. */
export function costLines(cost: CostReport & { readonly weightBits?: number | null }): readonly string[] {
  const parts = [
    `${cost.networkSeconds.toFixed(2)} s in the networks`,
    `${cost.openingSeconds.toFixed(2)} s opening them`,
    `overhead ${(100 * cost.overheadShare).toFixed(1)} %`,
  ]
  const bits = cost.weightBits ? `, with weights of ${cost.weightBits} bits` : ''
  return [
    `  time         ${cost.seconds.toFixed(2)} s: ${parts.join(', ')}`,
    `  memory       ${(cost.peakMemoryBytes / 2 ** 20).toFixed(0)} MiB at most, in the networks' process${bits}`,
  ]
}

/** More names in a line are not read. */
const mostShown = 8

/** Paths of what was written, however they are nested in `outputs`. */
export function wroteLines(
  outputs: Readonly<Record<string, string | readonly string[] | undefined>>,
): readonly string[] {
  const paths = Object.values(outputs).flatMap((path) => path ?? [])
  const shown = paths.slice(0, mostShown).map((path) => (path === standardStream ? 'standard output' : path))
  const more = paths.length > mostShown ? ` and ${paths.length - mostShown} more` : ''
  return paths.length === 0 ? [] : [`wrote ${shown.join(', ')}${more}`]
}
