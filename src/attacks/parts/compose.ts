/** Attacks one after another: what happens to pictures that are shared more than once. */
import { checkSeed } from '../../core/seed.js'
import { torchGenerator } from '../../math/noise.js'
import { type Attack, unchanged } from './attack.js'

/**
 * One attack of several, each on what the one before left, rounded to 8 bits between.
 *
 * x′ = aₙ(… a₂(a₁(x; s₁); s₂) …; sₙ). s₁ is the seed, the others are drawn from its stream, so that two attacks of one kind
 * draw different numbers and a list of one is the attack itself. Cost: the sum. Errors: those of the attacks. Of an
 * empty list: no attack.
 *
 * @example const attack = composeAttacks([jpegAttack({ quality: 50 }), cropAttack({ share: 0.75 })])
 */
export function composeAttacks(attacks: readonly Attack[]): Attack {
  const [only = unchanged()] = attacks
  if (attacks.length <= 1) return only
  return {
    name: attacks.map(({ name }) => name).join('+'),
    needsModel: attacks.some(({ needsModel }) => needsModel),
    async *apply(image, context) {
      const later = torchGenerator(checkSeed(context.seed))
      let attacked = image
      for (const [i, attack] of attacks.entries()) {
        const seed = i === 0 ? context.seed : later.integer(2 ** 32)
        attacked = yield* attack.apply(attacked, { ...context, seed })
      }
      return attacked
    },
  }
}
