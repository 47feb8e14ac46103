/** What a profile says, in lines for people. */
import type { Profile } from 'undiffuse'

export function profileLines({ steps, roundTrips, pullbacks, latentCount, latents, expected }: Profile): string[] {
  const db = (value: number | undefined) => (value === undefined ? '–' : `${value.toFixed(1)} dB`)
  const errors = steps === 'fitted' ? expected.fittedNmseDb : expected.andersonNmseDb
  const found = roundTrips === 0 ? expected.encoderNmseDb : errors[roundTrips - 1]
  const gradients =
    expected.gradientNmseDb === undefined
      ? []
      : [
          `  gradients    ${db(expected.gradientNmseDb)}, ${pullbacks > 0 ? `with ${pullbacks} pullbacks` : 'not worth it'}`,
        ]
  return [
    `Profile, on ${latentCount} latents, ${latents}; expected error of the latent:`,
    `  encoder      ${db(expected.encoderNmseDb)}`,
    `  ${steps === 'fitted' ? 'fitted steps' : 'Anderson    '} ${db(found)}, after ${roundTrips} round trips`,
    ...gradients,
  ]
}
