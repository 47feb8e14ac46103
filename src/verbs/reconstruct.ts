/** From noise back to the picture, and how close it comes to the one the noise was found from. */
import { expected } from '../core/errors.js'
import type { OptionNames } from '../core/option-names.js'
import type { Steps } from '../core/progress.js'
import { Task } from '../core/task.js'
import type { State } from '../diffusion/diffusion.js'
import { nmseDb } from '../math/nmse.js'
import { checkTensor, formatShape, sameShape, type Tensor } from '../math/tensor.js'
import { checkVerbOptions } from '../model/verb-options.js'
import { psnrDb, round8 } from '../pictures/pixels.js'
import { guidanceOf, type Sampled, type Sampling, sampled, samplingNames, sharedNames } from './sampling.js'

export interface ReconstructOptions extends Sampling {
  /** What to compare with: the picture or the latent that the noise was found from. */
  readonly reference?: { readonly image?: Tensor; readonly latent?: Tensor } | undefined
}

/** How close a reconstruction comes; each absent where there is nothing to compare with. */
export interface Match {
  /** Share of the picture's 8-bit values that are equal, 0 … 1. */
  readonly equalValues?: number
  /** Of the two pictures, both rounded to 8 bits; Infinity when they are the same. */
  readonly psnrDb?: number
  /** ‖latent − reference‖² / ‖reference‖², in dB. */
  readonly latentNmseDb?: number
}

export interface Reconstruction extends Sampled {
  readonly match: Match
}

/**
 * Makes the picture of a noise, as `generate` does, and compares it with a reference.
 *
 * `from` is noise of unit variance, or the state at the noisy end that an inversion found (`states[0]`), which solvers
 * with a memory need. Cost and errors: those of `generate`; `bad-shape` for a reference of another size.
 *
 * @example
 * const { states, latent } = await invert({ image }, { model, prompt, solver })
 * const { image: again, match } = await reconstruct(states[0], { model, prompt, solver, reference: { image, latent } })
 */
export const reconstruct = (from: Tensor | State, options: ReconstructOptions): Task<Reconstruction> =>
  new Task(reconstruction(from, options), options?.signal)

const names: OptionNames<ReconstructOptions> = { ...samplingNames, reference: true }

async function* reconstruction(from: Tensor | State, options: ReconstructOptions): Steps<Reconstruction> {
  checkVerbOptions(options, names, 'reconstruct', sharedNames)
  const { reference = {} } = options
  const guidance = guidanceOf(options)
  const x = typeof from === 'object' && from !== null && 'index' in from ? from.x : from
  checkTensor(x, 'the noise of `reconstruct`')
  options.model.layout.check(x.shape)
  if ('index' in from && from.index !== 0) {
    const how = 'Pass `states[0]` of an inversion.'
    throw expected('bad-option', 'a state at level 0, the noisiest,', 'the noise', `one at ${from.index}`, how)
  }
  const result = yield* sampled(from, { ...options, guidance })
  return { ...result, match: matchOf(result, reference) }
}

function matchOf(result: Sampled, { image, latent }: NonNullable<ReconstructOptions['reference']>): Match {
  if (image) checkShape('picture', image, result.image)
  if (latent) checkShape('latent', latent, result.latent)
  const [ours, theirs] = [image && round8(result.image), image && round8(image)]
  return {
    ...(ours && theirs && { equalValues: shareOfEqual(ours, theirs), psnrDb: psnrDb(ours, theirs) }),
    ...(latent && { latentNmseDb: nmseDb(result.latent, latent) }),
  }
}

function checkShape(what: string, reference: Tensor, ours: Tensor): void {
  if (sameShape(reference.shape, ours.shape)) return
  const wanted = `a ${what} of shape ${formatShape(ours.shape)}`
  throw expected('bad-shape', wanted, 'the reference', formatShape(reference.shape), 'Compare with the one it was.')
}

function shareOfEqual(a: Tensor, b: Tensor): number {
  let equal = 0
  for (let i = 0; i < a.data.length; i++) if (a.data[i] === b.data[i]) equal++
  return equal / a.data.length
}
