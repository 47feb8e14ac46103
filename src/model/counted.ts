/** Counts what is asked of a model: the unit of cost in every report. */
import type { Door, Kind } from './questions.js'

/** Questions by kind. Guidance asks two. */
export type Counts = Readonly<Record<Kind, number>>

const none: Counts = {
  encode: 0,
  decode: 0,
  roundTrip: 0,
  decodeGradient: 0,
  denoise: 0,
  pullback: 0,
  pushforward: 0,
  looks: 0,
}

/**
 * The same model, counting its questions.
 *
 * @example
 * const { model, counts } = counted(plain)
 * await model.ask('decode', [latent])
 * counts().decode // 1
 */
export function counted<M extends Door>(plain: M): { readonly model: M; counts(): Counts } {
  const counts: Record<Kind, number> = { ...none }
  const ask: Door['ask'] = (kind, asks, signal) => {
    counts[kind] += asks.length
    return plain.ask(kind, asks, signal)
  }
  return { counts: () => ({ ...counts }), model: { ...plain, ask } }
}
