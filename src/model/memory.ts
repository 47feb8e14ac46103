/** Whether what will be asked of a model fits into memory, before it is asked. */
import { checkMemory } from '../core/memory.js'
import type { Shape } from '../math/tensor.js'
import { sidesOf } from './layout.js'
import type { Model } from './model.js'
import type { Kind } from './questions.js'

/**
 * Throws `bad-shape` where so many questions of a kind at once, about latents of a shape, would take more memory than the
 * model's networks may take. Says nothing where that is not known. `subject` is what messages call the picture.
 *
 * @example checkRoom(model, { encode: 1, decode: 1, denoise: 2 }, [4, 64, 64])
 */
export function checkRoom(
  { name, layout, memoryFor }: Pick<Model, 'name' | 'layout' | 'memoryFor'>,
  asks: Readonly<Partial<Record<Kind, number>>>,
  latent: Shape,
  subject = `\`${name}\``,
): void {
  if (!memoryFor) return
  const { height, width } = sidesOf(layout, layout.pictureShape(latent))
  for (const [kind, count] of Object.entries(asks)) {
    const need = memoryFor(kind as Kind, latent, count)
    if (need) checkMemory(need, subject, `${width}×${height} pixels`)
  }
}
