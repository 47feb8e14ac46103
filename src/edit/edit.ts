/** The verb: a picture, what it shows and what it is to show, to the edited picture. The methods are beside it. */

import type { DecoderInverter } from '../autoencoder/autoencoder.js'
import { automaticDecoder } from '../autoencoder/automatic.js'
import { expected } from '../core/errors.js'
import type { Signal, Steps } from '../core/progress.js'
import { Task } from '../core/task.js'
import type { Solver, State } from '../diffusion/diffusion.js'
import { ddim } from '../diffusion/solvers/ddim.js'
import { isFinite as isFiniteTensor, type Tensor } from '../math/tensor.js'
import { type Likeness, likenessOutside } from '../pictures/masked.js'
import { checkGuidance, type DiffusionModel } from '../verbs/diffusion-model.js'
import { type LatentInversion, latentInversion } from '../verbs/invert-decoder.js'
import type { VerbEvaluations } from '../verbs/sampling.js'
import { checkMask } from './masks/mask.js'
import { exactBlending } from './methods/exact-blending.js'
import { countedModel } from './parts/counted-model.js'
import type { AskedEdit, EditMethod, LatentEdit } from './parts/edit-method.js'

/**
 * What is edited: a picture, a latent, or all states of the solver that made a latent under the source's prompt and with
 * the guidance that is asked for, noisiest first. Nothing is inverted then, unless the method inverts with another guidance
 * or by other steps.
 */
export type EditSource =
  | { readonly image: Tensor }
  | { readonly latent: Tensor }
  | { readonly states: readonly State[] }

export interface EditOptions {
  readonly model: DiffusionModel
  /** What the source shows. */
  readonly from: string
  /** What the edit is to show. */
  readonly to: string
  readonly negativePrompt?: string | undefined
  /** Default `exactBlending()`. */
  readonly method?: EditMethod | undefined
  /** Where the picture may change: 1 × H × W, above a half inside. Default: the method's own, or everywhere. */
  readonly mask?: Tensor | undefined
  /** Default: the model's. */
  readonly guidance?: number | undefined
  /** Default: DDIM with 50 steps even in lambda, whichever solver made the picture. */
  readonly solver?: Solver | undefined
  /** How a picture's latent is found. Default `automaticDecoder()`. */
  readonly decoder?: DecoderInverter | undefined
  readonly signal?: Signal | undefined
  /** A clock in seconds. */
  readonly now?: (() => number) | undefined
}

export interface Edit extends LatentEdit {
  /** The edited picture, pixels in [−1, 1], not clamped. */
  readonly image: Tensor
  /** The picture that was given, or the one that the latent decodes to. */
  readonly source: Tensor
  readonly sourceLatent: Tensor
  /** How the latent was found, where a picture was given. */
  readonly decoder?: LatentInversion
  /** How the edit differs from the source outside the mask; absent where there is no outside. */
  readonly background?: Likeness
  readonly method: string
  readonly solver: string
  readonly guidance: number
  readonly evaluations: VerbEvaluations
  /** Absent without a clock. */
  readonly seconds?: number
}

/**
 * Edits a picture: what it is made from is found under one prompt, and walked again under another.
 *
 * x*[0 … N] recovered under `from`, then x[0] = x*[0], x[i+1] = step(x[i]; `to`), as the method goes about it. A picture's
 * latent is found first (`decoder`). Shapes: picture 3 × H × W, latent as the model's, mask 1 × H × W. Cost: the decoder
 * inversion's, the method's, one decode. Exact given what `exact` says: the same walk with `to` = `from` would end at the
 * latent, or at the picture where its latent decodes to it; in pixels of an edit only `lockBackground` guarantees anything. Errors: `bad-option` for a mask with nothing in it and a
 * trajectory of another length, `bad-shape` for what does not fit the model or the picture, those of the method and the
 * model, and the signal's reason.
 *
 * @example
 * const { image, mask, background } = await edit({ image: picture }, { model, from: 'a red ball', to: 'a red star' })
 */
export const edit = (source: EditSource, options: EditOptions): Task<Edit> =>
  new Task(editing(source, options), options.signal)

/** Even in lambda: every step is then about as easy to undo as the others. */
const defaultSolver = () => ddim({ steps: 50, spacing: 'lambda' })

async function* editing(source: EditSource, options: EditOptions): Steps<Edit> {
  const { from, to, negativePrompt, signal, now } = options
  const { method = exactBlending(), solver = defaultSolver(), guidance = options.model.guidance } = options
  const begin = now?.()
  checkGuidance(guidance)
  const known = 'states' in source ? source.states : undefined
  checkKnown(known, solver, options.model)
  const { model, evaluations } = countedModel(options.model)
  const asked: AskedEdit = { model, from, to, negativePrompt, guidance, solver, mask: options.mask, known, signal }
  method.check?.(asked)
  const { autoencoder } = model
  if ('image' in source) {
    model.checkLatent(autoencoder.latentShape(source.image.shape))
    if (options.mask) checkMask(options.mask, source.image.shape)
  }
  const decoder =
    'image' in source
      ? yield* latentInversion(source.image, {
          autoencoder,
          decoder: options.decoder ?? automaticDecoder(),
          signal,
          now,
        })
      : undefined
  const latent = decoder?.latent ?? known?.at(-1)?.x ?? (source as { readonly latent: Tensor }).latent
  model.checkLatent(latent.shape)
  checkFinite(latent)
  const shown = 'image' in source ? source.image : await autoencoder.decode(latent, signal)
  if (options.mask) checkMask(options.mask, shown.shape)

  const edited = yield* method.edit(latent, { ...asked, imageShape: shown.shape })
  yield { stage: 'decode', done: 0, total: 1 }
  const image = await autoencoder.decode(edited.latent, signal)
  yield { stage: 'decode', done: 1, total: 1 }
  const background = edited.mask && likenessOutside(edited.mask, image, shown)
  return {
    ...edited,
    exact: edited.exact === 'given-latent' && decoder?.exact === 'given-image' ? 'given-image' : edited.exact,
    image,
    source: shown,
    sourceLatent: latent,
    ...(decoder && { decoder }),
    ...(background && { background }),
    method: method.name,
    solver: solver.name,
    guidance,
    evaluations: evaluations(),
    ...(now && begin !== undefined && { seconds: now() - begin }),
  }
}

function checkKnown(known: readonly State[] | undefined, solver: Solver, { schedule }: DiffusionModel): void {
  if (!known) return
  const levels = solver.grid(schedule).length
  if (known.length === levels) return
  const remedy = 'Pass the solver that made them.'
  throw expected('bad-option', `${levels} states`, '`states`', `${known.length}`, remedy)
}

function checkFinite(latent: Tensor): void {
  if (isFiniteTensor(latent)) return
  throw expected('not-finite', 'finite numbers', 'the latent', 'NaN or infinity', 'Check what made it.')
}
