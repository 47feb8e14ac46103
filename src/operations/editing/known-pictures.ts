/** What can be told of how well a model knows a picture, and of how long an edit of it takes. */
import type { Autoencoder, DecoderInverter } from '../../autoencoder/autoencoder.js'
import { automaticDecoder, usualGradientPixels } from '../../autoencoder/automatic.js'
import { encoderOnly } from '../../autoencoder/encoder-only.js'
import type { Steps } from '../../core/progress.js'
import { sizeOf, type Tensor } from '../../math/tensor.js'
import { largeSize } from '../../model/layout.js'
import { psnrDb, resize, round8 } from '../../pictures/pixels.js'
import { planesOf, sizeText } from '../../pictures/planes.js'
import { setting } from '../fields.js'
import type { NamedPicture } from '../files/pictures.js'
import type { Host, OperationModel } from '../host.js'
import { noted, type Told } from '../operation.js'
import { type Doubt, saysItIsOf } from './doubts.js'
import { type Forecast, forecastOf, type Paces, type PlannedEdit, pacesAt, secondsOf } from './forecast.js'

/**
 * Of the latent's own picture and the given one: below the first, the picture is of a kind that the model was not trained on;
 * below the second it may be. The bundled model shows its own pictures at 63 dB and more, as JPEG of quality 60 at 34.7 and
 * more, a rendered scene at 33.3 and more; photographs at 20 to 28, a blurred one at 32.7.
 */
export const [knownPsnrDb, likelyPsnrDb] = [27, 32]

/**
 * The same of the encoder's latent, for the bundled models: below this they do not know the picture. It shows 32 pictures of the
 * model at 34.4 dB and more, as JPEG of quality 60 at 32.0 and more, a rendered scene at 32.5; four photographs at 19.5 to 29.4,
 * in sizes of 128×128 to 640×416.
 */
const encoderKnownPsnrDb = 30
/** What is told of the model's own pictures. */
const ownPsnrDb = 34

const otherModel = `Pass a model of such pictures as ${setting('model')}: docs/your-own-model.md.`

/** How well a model knows a picture, as far as it can be told: where it hardly does, an edit is likely to miss. */
export type Knowledge = 'well' | 'in-part' | 'hardly'

/** Where the model cannot show the picture, it can hardly change it as asked. */
const knowledgeOf = (psnrDb: number): Knowledge =>
  psnrDb < knownPsnrDb ? 'hardly' : psnrDb < likelyPsnrDb ? 'in-part' : 'well'

const lateNotes: Readonly<Record<Knowledge, string | undefined>> = {
  hardly: 'it hardly knows such pictures, and the edit is likely to miss. Look at it closely.',
  'in-part': 'it may not know such pictures. Look closely at the edit.',
  well: undefined,
}

/** What the encoder alone tells, before the search for the latent, which takes long. A small model's own pictures are known well. */
function strangeToEncoder(psnrDb: number, { vocabulary }: OperationModel): string | undefined {
  const shown = `${psnrDb.toFixed(1)} dB`
  if (vocabulary && psnrDb < encoderKnownPsnrDb)
    return `The model does not know pictures like this one: its encoder shows it at ${shown}, and its own at ${ownPsnrDb} dB and more. The edit will probably look wrong.`
  if (!vocabulary && psnrDb < knownPsnrDb)
    return `The model's encoder alone shows it at ${shown}: the model may not know such pictures. The search for the latent will tell.`
  return undefined
}

const afterAll = (psnrDb: number) => `Its latent shows it at ${psnrDb.toFixed(1)} dB: the model can show it after all.`

/** Shorter work needs no telling. */
const longSeconds = 60

/** Minutes, and of many hours. */
const minutesText = (minutes: number): string =>
  minutes < 1 ? 'a minute' : minutes < 90 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} hours`

/** How long all of it takes, where that is long; of a picture far larger than the model's own, and of a smaller copy. */
function durationOf(
  forecast: Forecast,
  copy?: { readonly size: string; readonly forecast: Forecast },
): readonly string[] {
  const seconds = secondsOf(forecast)
  if (seconds < longSeconds) return []
  if (!copy) return [`The whole edit takes about ${minutesText(seconds / 60)}.`]
  const [large, small] = [seconds, secondsOf(copy.forecast)].map((some) => minutesText(some / 60))
  return [`The whole edit takes about ${large}; of a copy of ${copy.size} about ${small}.`]
}

const misdescribedNote = `${setting('from')} does not seem to describe this picture, or the model did not make it. Check its words for shape, colour, place and background. Edits of drawings by others mostly fail: they need another model.`

/** A decoder inversion that says how well the model knows such pictures, and how well that is once it is known. */
export interface JudgedDecoder {
  readonly decoder: DecoderInverter
  /** Of a picture far larger than the model's own, within seconds: a smaller copy tells the same. Of others nothing. */
  ofCopy(image: Tensor, autoencoder: Autoencoder): Steps<void, Told>
  /** Of the latent's own picture and the given one; undefined until the latent is found. */
  shownPsnrDb(): number | undefined
  knowledge(): Knowledge
  /** What was doubted besides. */
  doubts(): readonly Doubt[]
  /** Undefined until the first network runs have told. */
  forecast(): Forecast | undefined
}

/** Of its own pictures a model's search ends by itself: after 32 to 69 of 120 gradients in the bundled one's. */
const shareOfKnown = 0.4

/** Of a picture that the model does not know the default search spends all its gradients. */
function gradientsFor({ shape }: Tensor, { profile, pullback }: Autoencoder, isStrange: boolean): number {
  const { height, width } = planesOf(shape)
  if (!pullback || !profile || height * width > usualGradientPixels) return 0
  return isStrange ? profile.pullbacks : shareOfKnown * profile.pullbacks
}

/** More take minutes on a picture of some size. */
const quickSteps = 20

/** What judging a picture takes. */
export interface Judging extends PlannedEdit {
  readonly decoder: DecoderInverter
  readonly picture: NamedPicture
  readonly model: OperationModel
  readonly clock: Pick<Host, 'now'>
  /** One run of the decoder, and one guided evaluation, at a latent. */
  decode(latent: Tensor): Promise<unknown>
  evaluate(latent: Tensor): Promise<unknown>
  /** Whether the source's prompt describes another picture than that of a latent. */
  isMisdescribed(latent: Tensor): Promise<boolean>
}

/** Says so as soon as it can be told: before the search what the encoder tells, after it what the latent tells. */
export function judgedAtOnce({
  decoder,
  picture,
  model,
  clock,
  decode,
  evaluate,
  isMisdescribed,
  ...planned
}: Judging): JudgedDecoder {
  const about = picture.path
  const searches = decoder.name !== encoderOnly.definition.id
  let shown: number | undefined
  let knowledge: Knowledge = 'well'
  let forecast: Forecast | undefined
  const doubts: Doubt[] = []
  async function secondsFor(work: () => Promise<unknown>): Promise<number> {
    const begin = clock.now()
    await work()
    return clock.now() - begin
  }
  const psnrOf = async (latent: Tensor, of: Tensor, { decode }: Pick<Autoencoder, 'decode'>) =>
    psnrDb(round8(await decode(latent)), round8(of))
  let early: { readonly encodedDb: number; readonly strange: string | undefined } | undefined
  /** What the encoder tells, of a picture or of a smaller copy: both are remembered, or asked for next. */
  async function* tellEarly(image: Tensor, judged: Tensor, autoencoder: Autoencoder): Steps<void, Told> {
    const latent = await autoencoder.encode(judged)
    const pacesBy = async (decoding: Judging['decode']): Promise<Paces> => ({
      decode: await secondsFor(() => decoding(latent)),
      evaluation: await secondsFor(() => evaluate(latent)),
    })
    const first = await pacesBy(autoencoder.decode)
    const encodedDb = await psnrOf(latent, judged, autoencoder)
    const told = saysItIsOf(picture, model) ? undefined : strangeToEncoder(encodedDb, model)
    const strange = searches || model.vocabulary ? told : undefined
    early = { encodedDb, strange }
    const hasGradients = decoder.name === automaticDecoder.definition.id
    const pixels = ({ data }: Tensor) => data.length / sizeOf(model.layout.picture)
    const forecastFor = (picture: Tensor, paces: Paces) => {
      const gradients = hasGradients ? gradientsFor(picture, autoencoder, !!strange) : 0
      const scaled = pacesAt(paces, { from: pixels(judged), to: pixels(picture) })
      return forecastOf({ ...planned, searches, gradients }, scaled)
    }
    // The first runs open the networks: what seems long is measured again.
    const isLong = secondsOf(forecastFor(image, first)) >= longSeconds
    const paces = isLong ? await pacesBy(decode) : first
    forecast = forecastFor(image, paces)
    const size = sizeText(planesOf(judged.shape))
    const long = durationOf(forecast, judged === image ? undefined : { size, forecast: forecastFor(judged, paces) })
    const texts = [...(strange === undefined ? [] : [strange]), ...long, ...(strange === undefined ? [] : [otherModel])]
    const canBeShort = searches && strange !== undefined && planned.steps > quickSteps
    if (texts.length > 0) yield noted(about, texts.join(' '), canBeShort ? 'end-early' : undefined)
    if (strange === undefined && (await isMisdescribed(latent))) {
      doubts.push({
        reason: 'the source prompt does not describe the picture, or the model did not make it',
        misses: true,
      })
      yield noted(about, misdescribedNote)
    }
  }
  return {
    shownPsnrDb: () => shown,
    knowledge: () => knowledge,
    doubts: () => doubts,
    forecast: () => forecast,
    async *ofCopy(image, autoencoder) {
      const quick = largeSize(model.layout, planesOf(image.shape))?.quick
      if (quick) yield* tellEarly(image, resize(image, quick.height, quick.width), autoencoder)
    },
    decoder: {
      ...decoder,
      async *invert(image, autoencoder) {
        const isOfCopy = early !== undefined
        if (!isOfCopy) yield* tellEarly(image, image, autoencoder)
        const { encodedDb, strange } = early!
        const solution = yield* decoder.invert(image, autoencoder)
        const found = await psnrOf(solution.value, image, autoencoder)
        // The better one is taken, where both are of the picture itself.
        shown = Number.isNaN(found) ? encodedDb : isOfCopy ? found : Math.max(found, encodedDb)
        const isUnknown = strange !== undefined && model.vocabulary !== undefined
        knowledge = isUnknown ? 'hardly' : knowledgeOf(shown)
        const late = lateNotes[knowledge]
        const shownText = `The model shows it at ${shown.toFixed(1)} dB only`
        if (late !== undefined && !isUnknown) yield noted(about, `${shownText}: ${late} ${otherModel}`)
        else if (late === undefined && strange !== undefined) yield noted(about, afterAll(shown))
        return solution
      },
    },
  }
}
