/** `invert`: from pictures to the latents that decode to them, and to the noise that made those. */
import { refiners } from '../catalog.js'
import type { Signal } from '../core/progress.js'
import { methodField, type Settings } from './fields.js'
import type { Host } from './host.js'
import { invertToLatent, type LatentInversionReport } from './inverting/to-latent.js'
import { invertToNoise, type NoiseInversionReport } from './inverting/to-noise.js'
import { operation, type Running } from './operation.js'
import { decoderFields, inverterField, networkFields } from './recipes/networks.js'
import { defaultProfile, makeProfile } from './recipes/profile.js'
import { promptField, recipeFields } from './recipes/recipe.js'

const targets = ['latent', 'noise'] as const

const fields = {
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
    description: 'how far back (default: noise, where the model has a unet)',
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
    description: 'pictures that are inverted at the same time (default: 8 to the latent, 4 to the noise)',
  },
  output: { type: 'file', description: 'what is found, a .safetensors file (default: <picture>.safetensors here)' },
  report: {
    type: 'file',
    description: "where sheet, chart and report go (default: the output's folder)",
    word: 'folder',
  },
} as const

export type InvertSettings = Settings<typeof fields>

async function* run(
  settings: InvertSettings,
  host: Host,
  signal?: Signal,
): Running<LatentInversionReport | NoiseInversionReport> {
  const { profile, ...others } = settings
  if (profile === 'make') yield* makeProfile(settings, defaultProfile, host, signal)
  // What was measured is then the one that is there.
  const asked = profile === 'make' ? { ...others, profile: undefined } : settings
  const to = settings.to ?? ((await host.models.hasDenoiser(settings.model)) ? 'noise' : 'latent')
  return yield* to === 'noise' ? invertToNoise(asked, host, signal) : invertToLatent(asked, host, signal)
}

export const invertOperation = operation({
  id: 'invert',
  title: 'find the latent that decodes to a picture, and the noise that made it',
  fields,
  run,
})
