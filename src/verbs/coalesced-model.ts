/** One model for each of several pieces of work; what they ask at the same time runs as one batch. */
import { coalescedAutoencoder } from '../autoencoder/coalesce.js'
import type { Coalescer } from '../core/coalesce.js'
import type { Signal } from '../core/progress.js'
import type { Attending, DenoisingPushforward } from '../diffusion/conditioning.js'
import type { DiffusionModel } from './diffusion-model.js'

/**
 * The model as each participant of a coalescer sees it.
 *
 * @example const models = coalescedModel(model, coalescer(2))   // models(0), models(1)
 */
export function coalescedModel(
  model: DiffusionModel,
  { calls }: Pick<Coalescer, 'calls'>,
): (participant: number) => DiffusionModel {
  const denoise = calls(model.denoise.bind(model))
  const pullback = calls(model.pullback.bind(model))
  const pushforward = model.pushforward && calls(model.pushforward.bind(model))
  const looks = model.looks && calls(model.looks.bind(model))
  const autoencoder = coalescedAutoencoder(model.autoencoder.batched, calls)
  return (participant) => ({
    ...model,
    autoencoder: { ...autoencoder(participant), batched: model.autoencoder.batched },
    denoise: (requests, signal) => Promise.all(requests.map((request) => denoise(participant)(request, signal))),
    pullback: (requests, signal) => Promise.all(requests.map((request) => pullback(participant)(request, signal))),
    ...(pushforward && {
      pushforward: (requests: readonly DenoisingPushforward[], signal?: Signal) =>
        Promise.all(requests.map((request) => pushforward(participant)(request, signal))),
    }),
    ...(looks && {
      looks: (requests: readonly Attending[], signal?: Signal) =>
        Promise.all(requests.map((request) => looks(participant)(request, signal))),
    }),
  })
}
