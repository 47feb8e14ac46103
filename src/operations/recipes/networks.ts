/** Which model an operation runs and how, and how it undoes a picture: fields that operations share. */
import { decoderInverters, inverters } from '../../catalog.js'
import { expected } from '../../core/errors.js'
import type { Extent } from '../../model/layout.js'
import { families } from '../../models/families/index.js'
import type { PictureSize } from '../../restorations/index.js'
import { methodField, setting } from '../fields.js'
import type { ModelSettings, OperationModel } from '../host.js'

const precisions = ['16', '32', '64'] as const
const fits = ['refuse', 'pad', 'crop', 'resize'] as const

export const networkFields = {
  model: {
    type: 'string',
    description: 'a bundled model or a diffusers folder (default: the bundled one)',
    word: 'id|folder',
  },
  family: {
    rare: true,
    type: 'choice',
    choices: families.map(({ id }) => id),
    description:
      "what the model's folder means (default: as its class says); InstaFlow is often saved as Stable Diffusion",
  },
  precision: {
    rare: true,
    type: 'choice',
    choices: precisions,
    default: '32',
    description: 'of the numbers that networks compute with; 64: the denoising network alone',
    word: 'bits',
  },
  weights: {
    rare: true,
    type: 'choice',
    choices: ['8', '4'],
    description: 'of the weights of linear layers, the autoencoder left out (default: as they are stored)',
    word: 'bits',
  },
  device: { rare: true, type: 'string', description: 'where networks run (default: cpu)', word: 'name' },
  memoryLimit: {
    rare: true,
    type: 'number',
    exclusiveMinimum: 0,
    description: 'of what one network may take while it runs, with its weights (default: 3/4 of what is free)',
    word: 'GiB',
  },
  lean: { rare: true, type: 'boolean', default: false, description: 'spend time to save memory' },
  profile: {
    rare: true,
    type: 'string',
    description:
      'what was measured of the autoencoder, or `none`; `make` measures it first, to invert (default: the one that is there)',
    word: 'file|none',
  },
} as const

/** The bits of a run, as reports tell them; null where weights are as they are stored. */
export const bitsReport = ({ precision, weights }: Pick<ModelSettings, 'precision' | 'weights'>) => ({
  precisionBits: Number(precision),
  weightBits: weights ? Number(weights) : null,
})

export const defaultDecoder = decoderInverters[0].definition.id
export const defaultInverter = inverters[0].definition.id
export const defaultFit = 'pad'

/** How a picture is fitted to the model, where its sides do not suit it. */
export const fitField = {
  type: 'choice',
  choices: fits,
  description: 'pictures whose sides the model does not take',
  word: 'how',
} as const

/** How a picture is fitted to the model, and its latent found. */
export const decoderFields = {
  decoder: methodField(decoderInverters, {
    rare: true,
    description: 'how to invert the decoder',
    default: defaultDecoder,
  }),
  fit: { rare: true, ...fitField, default: defaultFit },
} as const

/** How the solver is undone. */
export const inverterField = methodField(inverters, {
  description: 'how to undo the solver',
  default: defaultInverter,
})

export const seedField = { type: 'integer', minimum: 0, word: 'n' } as const

/** Of clips that are made. */
export const framesField = {
  rare: true,
  type: 'integer',
  minimum: 1,
  description: 'of a clip (default: as the model was trained)',
  word: 'n',
} as const

/** Of pictures that are made. */
export const sizeField = {
  type: 'size',
  description: "side, or width x height (default: the model's own)",
} as const

/** What is asked of the size and length of what is made. Throws `bad-option` for frames of a model of pictures. */
export function extentOf(
  { size, frames }: { readonly size: PictureSize | undefined; readonly frames: number | undefined },
  { name, layout }: OperationModel,
): Extent | undefined {
  if (frames === undefined) return size
  if (layout.axes.includes('frames')) return { ...size, frames }
  throw expected('bad-option', 'a model of clips', setting('frames'), `\`${name}\``, 'It makes pictures: leave it out.')
}
