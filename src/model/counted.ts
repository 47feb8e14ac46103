/** Counts what is asked of a model: the unit of cost in every report. */
import type { Door, Kind } from './questions.js'

/** Questions by kind, absent where none was asked. Guidance asks two. */
export type Counts = Readonly<Partial<Record<Kind, number>>>

/**
 * The same model, counting its questions.
 *
 * @example
 * const { model, counts } = counted(plain)
 * await model.ask('decode', [latent])
 * counts().decode // 1
 */
export function counted<M extends Door>(plain: M): { readonly model: M; counts(): Counts } {
  const counts: Partial<Record<Kind, number>> = {}
  const ask: Door['ask'] = (kind, asks, signal) => {
    counts[kind] = (counts[kind] ?? 0) + asks.length
    return plain.ask(kind, asks, signal)
  }
  return { counts: () => ({ ...counts }), model: { ...plain, ask } }
}
