/** The verb: a picture, what it shows and what it is to show, to the edited picture. The methods are beside it. */

import type { DecoderInverter } from '../autoencoder/autoencoder.js'
import { expected } from '../core/errors.js'
import type { OptionNames } from '../core/option-names.js'
import { plural } from '../core/plural.js'
import type { Signal, Steps } from '../core/progress.js'
import { Task } from '../core/task.js'
import { checkText } from '../core/text.js'
import type { Solver, State } from '../diffusion/diffusion.js'
import { gridFor } from '../diffusion/solver-check.js'
import { ddim } from '../diffusion/solvers/ddim.js'
import { checkTensor, isFinite as isFiniteTensor, type Shape, type Tensor } from '../math/tensor.js'
import { counted } from '../model/counted.js'
import { checkGuidance } from '../model/guidance.js'
import type { DiffusionModel } from '../model/model.js'
import { checkVerbOptions } from '../model/verb-options.js'
import { autoencoderOf } from '../model/views.js'
import { type Likeness, likenessOutside } from '../pictures/masked.js'
import { type VerbEvaluations, verbEvaluations } from '../verbs/evaluations.js'
import { type LatentInversion, latentInversion } from '../verbs/invert-decoder.js'
import { checkMask } from './masks/mask.js'
import { exactBlending } from './methods/exact-blending.js'
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
  /** Of the mix of two evaluations, for models whose `guidance` is another thing. */
  readonly trueGuidance?: number | undefined
  /** Default: DDIM with 50 steps even in lambda, whichever solver made the picture. */
  readonly solver?: Solver | undefined
  /** How a picture's latent is found. Default `automaticDecoder()`. */
  readonly decoder?: DecoderInverter | undefined
  readonly signal?: Signal | undefined
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
}

/**
 * Edits a picture: what it is made from is found under one prompt, and walked again under another.
 *
 * x*[0 … N] recovered under `from`, then x[0] = x*[0], x[i+1] = step(x[i]; `to`), as the method goes about it. A picture's
 * latent is found first (`decoder`). Shapes: picture 3 × H × W, latent as the model's, mask 1 × H × W. Cost: the decoder
 * inversion's, the method's, one decode. Exact given what `exact` says: the same walk with `to` = `from` would end at the
 * latent, or at the picture where its latent decodes to it; in pixels of an edit only `lockBackground` guarantees anything. Errors: `bad-option` for a mask with nothing in it and a
 * trajectory of another length, `unsupported` for a model of clips, `bad-shape` for what does not fit the model or the picture, those of the method and the
 * model, and the signal's reason.
 *
 * @example
 * const { image, mask, background } = await edit({ image: picture }, { model, from: 'a red ball', to: 'a red star' })
 */
export const edit = (source: EditSource, options: EditOptions): Task<Edit> =>
  new Task(editing(source, options), options?.signal)

/** Even in lambda: every step is then about as easy to undo as the others. */
const defaultSolver = () => ddim({ steps: 50, spacing: 'lambda' })

/** Throws `unsupported` for a model of clips. */
export function checkEditable({ name, layout }: DiffusionModel): void {
  if (!layout.axes.includes('frames')) return
  const remedy = 'Edit pictures with a model of pictures; clips cannot be edited yet.'
  throw expected('unsupported', 'a model of pictures', '`edit`', `\`${name}\`, a model of clips`, remedy)
}

const names: OptionNames<EditOptions> = {
  model: true,
  from: true,
  to: true,
  negativePrompt: true,
  method: true,
  mask: true,
  guidance: true,
  trueGuidance: true,
  solver: true,
  decoder: true,
  signal: true,
}

async function* editing(source: EditSource, options: EditOptions): Steps<Edit> {
  checkVerbOptions(options, names, 'edit')
  checkEditable(options.model)
  checkSources(source, options.mask)
  const { from, to, negativePrompt, trueGuidance, signal } = options
  for (const [name, text] of Object.entries({ from, to, negativePrompt })) checkText(name, text)
  const { method = exactBlending(), solver = defaultSolver(), guidance = options.model.guidance } = options
  checkGuidance(options.model, { guidance, trueGuidance })
  const known = 'states' in source ? source.states : undefined
  const { model, counts } = counted(options.model)
  const schedule = model.schedule(shapeOf(source, model))
  if (known) checkKnown(known, gridFor(solver, schedule).length)
  const { mask } = options
  const told = { model, schedule, from, to, negativePrompt, guidance, trueGuidance }
  const asked: AskedEdit = { ...told, solver, mask, known, signal }
  method.check?.(asked)
  const autoencoder = autoencoderOf(model, signal)
  if ('image' in source) {
    if (mask) checkMask(mask, source.image.shape)
  }
  const decoder =
    'image' in source ? yield* latentInversion(source.image, { model, decoder: options.decoder, signal }) : undefined
  const latent = decoder?.latent ?? known?.at(-1)?.x ?? (source as { readonly latent: Tensor }).latent
  model.layout.check(latent.shape)
  checkFinite(latent)
  const shown = 'image' in source ? source.image : await autoencoder.decode(latent)
  if (mask) checkMask(mask, shown.shape)

  yield { stage: method.name, done: 0 }
  const edited = yield* method.edit(latent, { ...asked, imageShape: shown.shape })
  yield { stage: 'decode', done: 0, total: 1 }
  const image = await autoencoder.decode(edited.latent)
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
    evaluations: verbEvaluations(counts()),
  }
}

/** Code without types may pass anything. */
function checkSources(source: EditSource, mask: unknown): void {
  const { image, latent, states } = (source ?? {}) as { image?: unknown; latent?: unknown; states?: readonly State[] }
  checkTensor(image ?? latent ?? states?.at(-1)?.x, 'the source of `edit`, as `image`, `latent` or `states`')
  if (mask !== undefined) checkTensor(mask, '`mask`')
}

/** The shape of the source's latent; throws `bad-shape` for a picture that the model cannot take. */
const shapeOf = (source: EditSource, { layout }: DiffusionModel): Shape =>
  'image' in source
    ? layout.latentShape(source.image.shape)
    : 'latent' in source
      ? source.latent.shape
      : (source.states[0]?.x.shape ?? [])

function checkKnown(known: readonly State[], levels: number): void {
  if (known.length === levels) return
  const remedy = 'Pass the solver that made them.'
  throw expected('bad-option', plural(levels, 'state'), '`states`', `${known.length}`, remedy)
}

function checkFinite(latent: Tensor): void {
  if (isFiniteTensor(latent)) return
  throw expected('not-finite', 'finite numbers', 'the latent', 'NaN or infinity', 'Check what made it.')
}
