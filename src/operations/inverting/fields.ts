/** What `invert` is told. */
import { refiners } from '../../catalog.js'
import { defaultChunk } from '../../verbs/side-by-side.js'
import { methodField, type Settings } from '../fields.js'
import { reportField, sheetField } from '../files/outputs.js'
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
    rare: true,
    description: 'make the noise of a picture more probable once it is found: minutes',
  }),
  floor: {
    rare: true,
    type: 'integer',
    minimum: 2,
    or: ['whole'],
    bare: 8,
    description: 'the error to expect at best, from random probes (default: 8) or `whole`; minutes',
    word: 'probes',
  },
  chunk: {
    rare: true,
    type: 'integer',
    minimum: 1,
    description: `pictures that are inverted at the same time (default: ${defaultChunk})`,
  },
  output: {
    type: 'file',
    description: 'a .safetensors or .npy file, or a folder (default: <source>.safetensors here)',
  },
  sheet: sheetField,
  report: reportField,
} as const

export type InvertSettings = Settings<typeof invertFields>
