/** What `invert` is told. */
import { refiners } from '../../catalog.js'
import { defaultChunk } from '../../verbs/side-by-side.js'
import { methodField, type Settings } from '../fields.js'
import { decoderFields, inverterField, networkFields } from '../recipes/networks.js'
import { promptField, recipeFields } from '../recipes/recipe.js'

const targets = ['latent', 'noise'] as const

export const invertFields = {
  sources: {
    type: 'file',
    description: 'pictures, folders of them, or files of latents',
    subject: true,
    required: true,
    many: true,
    word: 'source',
  },
  to: {
    type: 'choice',
    choices: targets,
    description: 'how far back (default: noise, where the model denoises)',
    word: 'what',
  },
  prompt: promptField,
  ...recipeFields,
  ...networkFields,
  inverter: inverterField,
  ...decoderFields,
  refine: methodField(refiners, {
    description: 'make the noise of a picture more probable once it is found, see below; minutes',
  }),
  floor: {
    type: 'integer',
    minimum: 2,
    or: ['whole'],
    bare: 8,
    description: 'the error to expect at best, from random probes (default: 8) or `whole`; minutes',
    word: 'probes',
  },
  chunk: {
    type: 'integer',
    minimum: 1,
    description: `pictures that are inverted at the same time (default: ${defaultChunk})`,
  },
  output: { type: 'file', description: 'what is found, a .safetensors file (default: <picture>.safetensors here)' },
  report: {
    type: 'file',
    description: "where sheet, chart and report go (default: the output's folder)",
    word: 'folder',
  },
} as const

export type InvertSettings = Settings<typeof invertFields>
