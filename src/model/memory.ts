/** Whether what will be asked of a model fits into memory, before it is asked. */
import { checkMemory, type MemoryNeed, type SmallerSizes } from '../core/memory.js'
import type { Shape } from '../math/tensor.js'
import { largeSize, pictureOf, type Sides, sidesOf } from './layout.js'
import type { Model } from './model.js'
import type { Kind } from './questions.js'
import type { Vocabulary } from './vocabulary.js'

/** How often a larger size is guessed, and by how much its sides are made smaller than what is known says. */
const [guesses, margin] = [3, 0.98]

type Asks = Readonly<Partial<Record<Kind, number>>>
type Roomed = Pick<Model, 'name' | 'layout' | 'memoryFor'>

const needsOf = ({ memoryFor }: Roomed, asks: Asks, latent: Shape): readonly MemoryNeed[] =>
  Object.entries(asks).flatMap(([kind, count]) => memoryFor?.(kind as Kind, latent, count) ?? [])

/** How much larger what the values take may become: below 1 it must be smaller. */
const spare = ({ neededBytes, weightBytes, allowedBytes }: MemoryNeed): number =>
  (allowedBytes - weightBytes) / (neededBytes - weightBytes)

const area = ({ height, width }: Sides) => height * width
const sizeText = ({ height, width }: Sides) => `${width}×${height}`

/** Sides of the same aspect, nearly as large as memory allows; undefined where not even the smallest fit. */
function fittingSides(model: Roomed, asks: Asks, latent: Shape): SmallerSizes | undefined {
  const { layout } = model
  const whole = layout.pictureShape(latent)
  const { height, width } = sidesOf(layout, whole)
  const frames = whole[layout.axes.indexOf('frames')]
  const scaled = (side: number, scale: number) =>
    Math.max(1, Math.floor((side * scale) / layout.multiple)) * layout.multiple
  const roomAt = (scale: number): number => {
    const sides = { height: scaled(height, scale), width: scaled(width, scale) }
    const picture = pictureOf(layout, { ...sides, ...(frames !== undefined && { frames }) })
    return Math.min(...needsOf(model, asks, layout.latentShape(picture)).map(spare))
  }
  const room = roomAt(1)
  let scale = layout.multiple / Math.min(height, width)
  let spared = roomAt(scale)
  if (spared < 1) return undefined
  // What values take grows with a power of the scale, and with a larger one where the scale is larger: each guess fits.
  for (let i = 0; i < guesses; i++) {
    const power = Math.log(spared / room) / Math.log(1 / scale)
    const next = scale * spared ** (1 / power) * margin
    const left = next > scale ? roomAt(next) : 0
    // `room` is negative, and `next` no number, where weights alone are too much.
    if (!(left >= 1)) break
    scale = next
    spared = left
  }
  const fits = { height: scaled(height, scale), width: scaled(width, scale) }
  const quick = largeSize(layout, { height, width })?.quick
  const times = quick ? area(fits) / area(quick) : 1
  return { fits: sizeText(fits), ...(quick && times > 1 && { quick: { size: sizeText(quick), times } }) }
}

/** A model of few words knows few kinds of pictures. */
interface MayKnowWords {
  readonly vocabulary?: Vocabulary | undefined
}

/**
 * Throws `bad-shape` where so many questions of a kind at once, about latents of a shape, would take more memory than the
 * model's networks may take: the message has a size that fits. Says nothing where that is not known. `subject` is what messages
 * call the picture.
 *
 * @example checkRoom(model, { encode: 1, decode: 1, denoise: 2 }, [4, 64, 64])
 */
export function checkRoom(
  model: Pick<Model, 'name' | 'layout' | 'memoryFor'> & MayKnowWords,
  asks: Readonly<Partial<Record<Kind, number>>>,
  latent: Shape,
  subject = `\`${model.name}\``,
): void {
  if (!model.memoryFor) return
  const { height, width } = sidesOf(model.layout, model.layout.pictureShape(latent))
  const more =
    model.vocabulary && 'This small model knows pictures like its own, and no photographs: see docs/your-own-model.md.'
  for (const need of needsOf(model, asks, latent)) {
    checkMemory(need, subject, `${width}×${height} pixels`, () => fittingSides(model, asks, latent), more)
  }
}
