/** A model that is not asked twice for what it has already answered, so that reporting costs no network runs. */
import type { Tensor } from '../math/tensor.js'
import type { Answer, Ask, Door, Kind } from './questions.js'

/**
 * The same model, remembering E(x) and D(z) of the very arrays it was given, for as long as somebody holds them.
 *
 * @example
 * const model = remembered(plain)
 * await model.ask('roundTrip', [latent])
 * await model.ask('decode', [latent]) // no network run
 */
export function remembered<M extends Door>(plain: M): M {
  const latents = new WeakMap<Tensor, Tensor>()
  const images = new WeakMap<Tensor, Tensor>()

  async function known(kind: 'encode' | 'decode', asks: readonly Tensor[], signal: Parameters<Door['ask']>[2]) {
    const memory = kind === 'encode' ? latents : images
    const fresh = asks.filter((ask) => !memory.has(ask))
    const answers = fresh.length > 0 ? await plain.ask(kind, fresh, signal) : []
    fresh.forEach((ask, i) => {
      memory.set(ask, answers[i]!)
    })
    return asks.map((ask) => memory.get(ask)!)
  }

  async function ask<K extends Kind>(kind: K, asks: readonly Ask<K>[], signal?: Parameters<Door['ask']>[2]) {
    if (kind === 'encode' || kind === 'decode') {
      return (await known(kind, asks as readonly Tensor[], signal)) as readonly Answer<K>[]
    }
    const answers = await plain.ask(kind, asks, signal)
    if (kind === 'roundTrip' || kind === 'decodeGradient') {
      for (const [i, { image }] of (answers as readonly { readonly image: Tensor }[]).entries()) {
        const one = asks[i] as Tensor | { readonly latent: Tensor }
        images.set('latent' in one ? one.latent : one, image)
      }
    }
    return answers
  }
  return { ...plain, ask }
}
