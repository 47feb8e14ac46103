/** Counts what an edit asks of a model, whichever way it asks. */
import { counted } from '../../autoencoder/counted.js'
import { type DiffusionModel, evaluationsOf } from '../../verbs/diffusion-model.js'
import type { VerbEvaluations } from '../../verbs/sampling.js'

/**
 * The same model, counting network runs: guidance counts two; a question about attention, or one that is told an
 * embedding, one.
 *
 * @example const { model: counting, evaluations } = countedModel(model)
 */
export function countedModel(plain: DiffusionModel): {
  readonly model: DiffusionModel
  evaluations(): VerbEvaluations
} {
  const counts = { denoises: 0, pullbacks: 0 }
  const { autoencoder, evaluations } = counted(plain.autoencoder)
  const { looks, embedded } = plain
  const guided = (requests: readonly { readonly guidance: number }[]) =>
    requests.reduce((sum, { guidance }) => sum + evaluationsOf(guidance), 0)
  const { pullback } = embedded ?? {}
  const model: DiffusionModel = {
    ...plain,
    autoencoder: { ...autoencoder, batched: plain.autoencoder.batched },
    denoise(requests, signal) {
      counts.denoises += guided(requests)
      return plain.denoise(requests, signal)
    },
    pullback(requests, signal) {
      counts.pullbacks += guided(requests)
      return plain.pullback(requests, signal)
    },
    ...(looks && {
      looks(requests, signal) {
        counts.denoises += requests.length
        return looks.call(plain, requests, signal)
      },
    }),
    ...(embedded && {
      embedded: {
        ...embedded,
        denoise(...question) {
          counts.denoises++
          return embedded.denoise(...question)
        },
        ...(pullback && {
          pullback: (...question: Parameters<typeof pullback>) => {
            counts.pullbacks++
            return pullback.call(embedded, ...question)
          },
        }),
      },
    }),
  }
  return { model, evaluations: () => ({ ...counts, autoencoder: evaluations() }) }
}
