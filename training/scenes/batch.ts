/**
 * What the autoencoder is trained on: batches of crops of scenes and of procedural pictures, from one integer.
 * And which seeds training may draw. Not the training loop.
 */
import { clamp } from './image.js'
import { paintPicture } from './pictures.js'
import { type Random, randomFrom } from './random.js'
import { paintScene, shapeCentre } from './render.js'
import { describeScene } from './scene.js'

/** Seeds of scenes and pictures below this are for training; from here to 2³² they are held out. */
export const firstHeldOutSeed = 2 ** 31

/** A seed for training, uniform in [0, 2³¹). */
export const trainingSeed = (random: Random): number => Math.floor(random() * firstHeldOutSeed)

/**
 * The i-th seed that training never draws, in [2³¹, 2³²): for evaluation.
 *
 * @throws RangeError if i is not an integer in [0, 2³¹)
 */
export function heldOutSeed(i: number): number {
  if (!Number.isInteger(i) || i < 0 || i >= firstHeldOutSeed) {
    throw new RangeError(`Expected an integer in [0, 2³¹) for heldOutSeed, got ${i}.`)
  }
  return firstHeldOutSeed + i
}

/** How many pictures, of which side in pixels, and which share of them are scenes (the rest are procedural). */
export interface BatchOptions {
  readonly batch: number
  readonly size: number
  readonly scenes: number
}

const sceneSide = 128
const shareOfCropsAtShape = 0.75

/** Where a crop of `size` begins along one axis: usually with the shape's centre in it, otherwise anywhere. */
function cropStart(random: Random, size: number, side: number, centre: number, atShape: boolean): number {
  const offset = random()
  const start = atShape ? centre - size * (0.15 + 0.7 * offset) : offset * (side - size + 1)
  return clamp(Math.floor(start), 0, side - size)
}

/**
 * One training batch: the same numbers for the same seed, new pictures for every seed.
 *
 * @param seed an integer in [0, 2³²)
 * @param options crops smaller than 128 show windows of scenes 128 wide; larger ones whole scenes of that size
 * @returns batch × 3 × size × size in [−1, 1]
 * @throws RangeError if a count is not a positive integer or the share is outside [0, 1]
 * @example trainingBatch(step, { batch: 8, size: 64, scenes: 0.5 })
 */
export function trainingBatch(seed: number, { batch, size, scenes }: BatchOptions): Float32Array {
  if (!Number.isInteger(batch) || batch < 1 || !Number.isInteger(size) || size < 1 || !(scenes >= 0 && scenes <= 1)) {
    throw new RangeError(
      `Expected positive integers and a share of scenes in [0, 1] for trainingBatch, got batch ${batch}, size ${size}, scenes ${scenes}.`,
    )
  }
  const random = randomFrom(seed)
  const length = 3 * size * size
  const target = new Float32Array(batch * length)
  const sceneCount = Math.floor(batch * scenes + random())
  const side = Math.max(sceneSide, size)
  for (let n = 0; n < batch; n++) {
    const itemSeed = trainingSeed(random)
    if (n < sceneCount) {
      const scene = describeScene(itemSeed)
      const [centreX, centreY] = shapeCentre(scene, side)
      const atShape = random() < shareOfCropsAtShape
      const x = cropStart(random, size, side, centreX, atShape)
      const y = cropStart(random, size, side, centreY, atShape)
      paintScene(scene, { size: side, x, y, width: size, height: size }, target, n * length)
    } else {
      paintPicture(itemSeed, size, size, target, n * length)
    }
  }
  return target
}
