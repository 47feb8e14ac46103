/** What can be told of how well a model knows a picture, and of how long one of its size takes. */
import type { DecoderInverter } from '../../autoencoder/autoencoder.js'
import { encoderOnly } from '../../autoencoder/encoder-only.js'
import type { Tensor } from '../../math/tensor.js'
import { psnrDb, round8 } from '../../pictures/pixels.js'
import { setting } from '../fields.js'
import type { NamedPicture } from '../files/pictures.js'
import type { OperationModel } from '../host.js'
import { noted } from '../operation.js'

/**
 * Of the latent's own picture and the given one: below the first, the picture is of a kind that the model was not trained on;
 * below the second it may be. The bundled model shows its own pictures at 63 dB and more, as JPEG of quality 60 at 34.7 and
 * more, a rendered scene at 33.3 and more; photographs at 20 to 28, a blurred one at 32.7.
 */
export const [knownPsnrDb, likelyPsnrDb] = [27, 32]

const otherModel = `Pass a model of such pictures as ${setting('model')}: node_modules/undiffuse/docs/your-own-model.md.`

/** Where the model cannot show the picture, it can hardly change it as asked. */
function unknownPicture(psnrDb: number): string | undefined {
  const shown = `The model shows it at ${psnrDb.toFixed(1)} dB only`
  if (psnrDb < knownPsnrDb)
    return `${shown}: it hardly knows such pictures, and the edit is likely to miss. Look at it closely. ${otherModel}`
  if (psnrDb < likelyPsnrDb) return `${shown}: it may not know such pictures. Look closely at the edit. ${otherModel}`
  return undefined
}

/** What the encoder alone tells, before the search for the latent, which takes long. It may still find a nearer one. */
function strangeToEncoder(psnrDb: number): string | undefined {
  if (!(psnrDb < knownPsnrDb)) return undefined
  return `The model's encoder alone shows it at ${psnrDb.toFixed(1)} dB: the model may not know such pictures. The search for the latent will tell.`
}

const afterAll = (psnrDb: number) => `Its latent shows it at ${psnrDb.toFixed(1)} dB: the model can show it after all.`

/** A decoder inversion that says how well the model knows such pictures, and how well that is once it is known. */
export interface JudgedDecoder {
  readonly decoder: DecoderInverter
  /** Of the latent's own picture and the given one; undefined until the latent is found. */
  shownPsnrDb(): number | undefined
}

/** More take minutes on a picture of some size. */
const quickSteps = 20

/** Says so as soon as it can be told: before the search what the encoder tells, after it what the latent tells. */
export function judgedAtOnce(decoder: DecoderInverter, about: string, steps: number): JudgedDecoder {
  let shown: number | undefined
  return {
    shownPsnrDb: () => shown,
    decoder: {
      ...decoder,
      async *invert(image, autoencoder) {
        const seen = round8(image)
        const psnrOf = async (latent: Tensor) => psnrDb(round8(await autoencoder.decode(latent)), seen)
        // Both are remembered, or asked for next, and the better one is taken.
        const encoded = await psnrOf(await autoencoder.encode(image))
        const early = decoder.name === encoderOnly.definition.id ? undefined : strangeToEncoder(encoded)
        if (early !== undefined) yield noted(about, early, steps > quickSteps ? 'end-early' : undefined)
        const solution = yield* decoder.invert(image, autoencoder)
        const found = await psnrOf(solution.value)
        shown = Number.isNaN(found) ? encoded : Math.max(found, encoded)
        const said = unknownPicture(shown) ?? (early === undefined ? undefined : afterAll(shown))
        if (said !== undefined) yield noted(about, said)
        return solution
      },
    },
  }
}

/** Whether a picture's file says that this model made it. */
export const saysItIsOf = ({ texts }: NamedPicture, { name }: OperationModel): boolean =>
  texts?.Software === 'undiffuse' && texts.model === name
