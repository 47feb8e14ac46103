/** `invert`: from pictures to the latents that decode to them, and to the noise that made those. */
import type { Signal } from '../core/progress.js'
import { orTensors } from './files/tensor-files.js'
import type { Host } from './host.js'
import { type InvertSettings, invertFields } from './inverting/fields.js'
import { checkOutputs } from './inverting/outputs.js'
import { invertToLatent, type LatentInversionReport } from './inverting/to-latent.js'
import { invertToNoise, type NoiseInversionReport } from './inverting/to-noise.js'
import { operation, type Running } from './operation.js'
import { defaultProfile, makeProfile } from './recipes/profile.js'

async function* run(
  settings: InvertSettings,
  host: Host,
  signal?: Signal,
): Running<LatentInversionReport | NoiseInversionReport> {
  await checkOutputs(settings, host)
  const { profile, ...others } = settings
  if (profile === 'make') yield* makeProfile(settings, defaultProfile, host, signal)
  // What was measured is then the one that is there.
  const asked = profile === 'make' ? { ...others, profile: undefined } : settings
  const to = settings.to ?? ((await host.models.hasDenoiser(settings.model)) ? 'noise' : 'latent')
  if (to === 'latent') return yield* invertToLatent(asked, host, signal)
  try {
    return yield* invertToNoise(asked, host, signal)
  } catch (error) {
    throw orTensors(error)
  }
}

export const invertOperation = operation({
  id: 'invert',
  title: 'find the latent and the noise that made a picture',
  fields: invertFields,
  run,
})
