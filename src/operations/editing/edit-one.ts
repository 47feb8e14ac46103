/** One picture edited: fitted, edited, restored to its size, and locked outside the mask. */
import type { Signal, Steps } from '../../core/progress.js'
import { type Edit, edit } from '../../edit/edit.js'
import { lockBackground } from '../../edit/masks/lock-background.js'
import { checkMask } from '../../edit/masks/mask.js'
import { map, type Tensor } from '../../math/tensor.js'
import { autoencoderOf } from '../../model/views.js'
import { type Likeness, likenessOutside, seamLevels } from '../../pictures/masked.js'
import { round8 } from '../../pictures/pixels.js'
import { planesOf, sizeText } from '../../pictures/planes.js'
import { laidOn, lifted } from '../../pictures/transparency.js'
import { promptedDenoiser } from '../../verbs/sampling.js'
import { setting } from '../fields.js'
import { fitPicture, type NamedPicture } from '../files/pictures.js'
import type { Host, OperationModel } from '../host.js'
import { noted, partOf, type Told } from '../operation.js'
import { planOf, samplingOf } from '../recipes/recipe.js'
import { timedDecoder } from '../timed.js'
import { changedKinds, changeOf, colours, places, sharesColour } from './changes.js'
import { isMisdescribed } from './described.js'
import { type Doubt, saysItIsOf } from './doubts.js'
import { drawnFeather, type EditSettings, usualFeather } from './fields.js'
import { inParts } from './forecast.js'
import { judgedAtOnce, type Knowledge, likelyPsnrDb } from './known-pictures.js'
import { leftoversOf } from './leftovers.js'
import { checkOutside, maskOf, oddities, ofMask, remedyOf, shareOf } from './masks.js'
import { changedOutline, holdsNothing, silhouettesOf } from './silhouettes.js'

/** In the size of the picture that was given: it, the mask, and what is written, all in 8 bits. */
export interface Edited {
  readonly edited: Edit
  /** Of the solver; a method may leave out the noisiest. */
  readonly plannedSteps: number
  /** Of finding the latent, a part of the edit. */
  readonly decoderSeconds: number
  readonly source: Tensor
  readonly mask?: Tensor
  /** Of the mask that was given, before it was grown. */
  readonly drawnShare?: number
  /** Of the lock's seam. */
  readonly featherPixels: number
  /** What reading the mask changed, and what is odd about it, as sentences for people. */
  readonly maskNotes: readonly string[]
  readonly written: Tensor
  /** How well the model knows the picture. */
  readonly knowledge: Knowledge
  /** What kind of words alone changes, where the model tells kinds. */
  readonly change?: string
  /** Whether a thing is to be elsewhere: it is moved, or removed so. */
  readonly isMove: boolean
  /** What was doubted while it was edited. */
  readonly doubts: readonly Doubt[]
  /** Outside the mask, before the lock. */
  readonly before?: Likeness
  /** Of a locked picture: how much larger steps across the mask's edge are than in the source. */
  readonly seamLevels?: number
}

/** What a model sees of a picture that may be transparent. */
export const seen = (picture: Tensor): Tensor => laidOn(picture, 'white')

/** In the size of the picture that was given, and what is odd about it. */
interface JudgedMask {
  readonly mask: Tensor
  readonly notes: readonly string[]
}

/** The same steps. What is odd about the mask is said as soon as it is known: half of the work comes after it. */
async function* tellingOfMask<T>(steps: Steps<T, Told>, judge: (found: Tensor) => JudgedMask): Steps<T, Told> {
  try {
    while (true) {
      const { done, value } = await steps.next()
      if (done) return value
      yield value
      if (value.mask) for (const text of judge(value.mask).notes) yield noted(ofMask, text)
    }
  } finally {
    await steps.return(undefined as never)
  }
}

const besideReason =
  'the mask holds no colour that is not outside too: what is to change lies outside it, or a part of it'

const outlineReason = (shared: number) =>
  `the outline of the thing changed: before and after share ${(100 * shared).toFixed(0)} % of what they cover`

export async function* editOne(
  settings: EditSettings,
  { picture, drawn }: { readonly picture: NamedPicture; readonly drawn: NamedPicture | undefined },
  model: OperationModel,
  host: Host,
  signal: Signal | undefined,
): Steps<Edited, Told> {
  const { from, to, fit, method, backgroundBound, feather } = settings
  const locks = settings.lockBackground !== false
  const fitted = fitPicture({ ...picture, image: seen(picture.image) }, model.layout, fit)
  // The mask is fitted as the picture is, which may have cut it.
  const given = drawn && maskOf({ ...drawn, image: fitPicture(drawn, model.layout, fit).image })
  if (given) checkMask(given.mask, fitted.image.shape, setting('mask'))
  const { prompt: _, ...sampling } = samplingOf(planOf({ ...settings, prompt: from }), model)
  const shared = { ...sampling, model, from, to, method: method.method, mask: given?.mask, signal }
  const { decoder, seconds } = timedDecoder(settings.decoder.method, host)
  const latentShape = model.layout.latentShape(fitted.image.shape)
  const plannedSteps = sampling.solver.grid(model.schedule(latentShape)).length - 1
  const change = changeOf(settings, model)
  const guidesFromSource = method.text.includes('guideFrom=source')
  const level = sampling.solver.grid(model.schedule(latentShape))[0]!
  const { denoise } = await promptedDenoiser(model, { ...sampling, prompt: from }, signal)
  const autoencoder = autoencoderOf(model, signal)
  const judging = judgedAtOnce({
    ...{ decoder, picture, model, clock: host, guidesFromSource },
    method: method.method.name,
    findsMask: given === undefined && method.method.findsMask,
    steps: plannedSteps,
    decode: autoencoder.decode,
    evaluate: (latent) => denoise(latent, level),
    // Measured of a small model alone.
    isMisdescribed: async (latent) => model.vocabulary !== undefined && isMisdescribed(model, latent, from, signal),
  })
  const judge = (found: Tensor): JudgedMask => {
    const isOwn = saysItIsOf(picture, model) || (judging.shownPsnrDb() ?? 0) >= likelyPsnrDb
    const isUnknown = judging.knowledge() === 'hardly'
    const known = { given: given?.mask, isOwn, isUnknown, guidesFromSource, change }
    const mask = map(fitted.restore(found), (value) => (value > 0.5 ? 1 : 0))
    if (settings.lockBackground) {
      const got = `one that covers all, ${given ? 'once it is grown' : 'as it was found'}`
      checkOutside(mask, got, `${remedyOf(known)} Or leave the lock out.`)
    }
    return { mask, notes: oddities(mask, known) }
  }
  yield* judging.ofCopy(fitted.image, autoencoder)
  const work = partOf(edit({ image: fitted.image }, { ...shared, decoder: judging.decoder }))
  const names = { method: method.method.name, solver: sampling.solver.name }
  const result = yield* inParts(tellingOfMask(work, judge), names, judging.forecast, host)
  const restored = fitted.restore(result.image)
  // What `crop` has cut off is not there to compare with.
  const isWhole = sizeText(planesOf(restored.shape)) === sizeText(planesOf(picture.image.shape))
  const source = round8(isWhole ? picture.image : fitPicture(picture, model.layout, fit).image)
  const shown = round8(lifted(restored, source))
  const { mask: kept, notes: odd } = result.mask ? judge(result.mask) : { mask: undefined, notes: [] }
  const before = kept && likenessOutside(kept, shown, source)
  const drawnShare = given && shareOf(fitted.restore(given.mask))
  const isAsDrawn = kept && drawnShare === shareOf(kept)
  const featherPixels = feather ?? (isAsDrawn ? drawnFeather : usualFeather)
  const written =
    locks && kept
      ? lockBackground(shown, source, kept, {
          ...(backgroundBound !== undefined && { boundLevels: backgroundBound }),
          featherPixels,
        })
      : shown
  const seam = locks && kept ? seamLevels(kept, written, source, featherPixels + 1) : undefined
  const knowledge = judging.knowledge()
  // Of a picture that the model does not know more was said, and a photograph has many colours to compare.
  const masked = kept && knowledge !== 'hardly' ? { mask: kept, written, source } : undefined
  const isMove = changedKinds(settings, model).includes(places)
  const left = masked && given && isMove ? leftoversOf({ ...masked, featherPixels }) : []
  const outlines = masked && change === colours && !sharesColour(settings, model) ? silhouettesOf(masked) : undefined
  const sharedOutline = outlines && changedOutline(outlines)
  const isBeside = given !== undefined && outlines !== undefined && holdsNothing(outlines)
  const maskNotes = [...(given?.notes ?? []), ...odd]
  const found = { edited: result, plannedSteps, decoderSeconds: seconds(), source, written, maskNotes, featherPixels }
  return {
    ...found,
    knowledge,
    isMove,
    doubts: [
      ...judging.doubts(),
      ...(given?.isGrey ? [{ reason: 'parts of the mask are grey' }] : []),
      ...left.map((reason) => ({ reason })),
      ...(isBeside ? [{ reason: besideReason, misses: true }] : []),
      ...(sharedOutline === undefined ? [] : [{ reason: outlineReason(sharedOutline) }]),
    ],
    ...(change !== undefined && { change }),
    ...(drawnShare !== undefined && { drawnShare }),
    ...(kept && { mask: kept }),
    ...(before && { before }),
    ...(seam !== undefined && { seamLevels: seam }),
  }
}
