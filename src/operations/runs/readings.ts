/** Pictures that are read in many ways: how many there are is told before the work, and how many are done while it lasts. */
import type { Pieces, Progress, Steps } from '../../core/progress.js'
import { relay } from '../../core/relay.js'
import { sidesOf, takes } from '../../model/layout.js'
import { candidatesOf, type Restoration } from '../../restorations/index.js'
import type { WatermarkKey } from '../../watermark/key.js'
import type { Sampler } from '../../watermark/reading/candidates.js'
import type { ReadSource } from '../files/noise-sources.js'
import type { Host, OperationModel } from '../host.js'
import { noted, type Parts, partOf, type Told } from '../operation.js'
import { imagesOf } from './source-survey.js'
import type { Opened } from './survey.js'

export interface ReadingOptions {
  readonly key: WatermarkKey
  readonly model: OperationModel
  readonly undo: readonly Restoration[]
  readonly samplers: readonly Sampler[] | undefined
  /** Pictures that are inverted at the same time. */
  readonly chunk: number
  readonly pause: Host['pause']
}

/** Work of the processor as steps: between two pieces the host hears what happened, an interruption too. */
export async function* stepsOfPieces<T>(
  pieces: Pieces<T>,
  parts: Parts,
  { pause }: Pick<Host, 'pause'>,
): Steps<T, Told> {
  while (true) {
    const { done, value } = pieces.next()
    if (done) return value
    yield { ...value, parts }
    await pause()
  }
}

/** The steps of a task that reads the pictures among `opened` in all ways; before them a note where these are many. */
export async function* readingsOf<T>(
  task: PromiseLike<T> & AsyncIterable<Progress>,
  opened: readonly Opened<ReadSource>[],
  options: ReadingOptions,
  parts: Parts,
): Steps<T, Told> {
  // The steps of a family that is asked block: between them the host hears an interruption.
  const heard = async (told: Told): Promise<Told> => {
    await options.pause()
    return told
  }
  const counts = imagesOf(opened).map(({ image }) => waysToRead(image, options))
  const all = counts.reduce((sum, count) => sum + count, 0)
  const atOnce = options.chunk * samplingsOf(options)
  if (all <= atOnce) return yield* relay(partOf(task, parts), heard)
  const most = Math.max(...counts)
  // Of several pictures the first ones tell what the others will cost.
  if (parts.done === 0 && most > 1) {
    const { name } = opened.filter(({ value }) => 'picture' in value)[counts.indexOf(most)]!
    yield noted(name, `\`${name}\` is read in ${most} ways, each an inversion.`)
  }
  const readings = { all, atOnce, pictures: counts.length }
  return yield* relay(partOf(task), async (told) => amongReadings(await heard(told), parts, readings))
}

const samplingsOf = ({ samplers }: ReadingOptions): number => samplers?.length ?? 1

function waysToRead(image: Parameters<typeof candidatesOf>[0], options: ReadingOptions): number {
  const { key, undo, model } = options
  // A key of another model is refused where pictures are read.
  if (!takes(model.layout, key.latentShape)) return 1
  const size = sidesOf(model.layout, model.layout.pictureShape(key.latentShape))
  return candidatesOf(image, undo, size).length * samplingsOf(options)
}

/** Of all ways to read pictures that are worked on together: how many are in one batch, and of how many pictures. */
interface Readings {
  readonly all: number
  readonly atOnce: number
  readonly pictures: number
}

/** The progress of the batch in hand. A batch goes through all stages: it is finished when the next one begins. */
export function amongReadings(told: Told, parts: Parts, { all, atOnce, pictures }: Readings): Told {
  const { done, total = 1 } = told
  const each = total / all
  const finished = Math.max(0, Math.ceil(done / each / atOnce - 1e-9) - 1) * atOnce
  const inHand = Math.min(atOnce, all - finished)
  return {
    ...told,
    done: done - finished * each,
    total: inHand * each,
    parts:
      parts.total === 1
        ? { done: finished, total: all, inHand, one: 'reading' }
        : { ...parts, begun: (finished / all) * pictures, inHand: Math.ceil((inHand / all) * pictures) },
  }
}
