/** Whole pipelines as diffusers and transformers save them, and how our numbers are held against theirs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { parseJsonObject } from '../src/checkpoints/json.js'
import type { Graph } from '../src/graph/graph.js'
import type { Runtime } from '../src/graph/runtime.js'
import { torchNoise } from '../src/math/noise.js'
import { combine, type Shape, sizeOf, type Tensor, tensor } from '../src/math/tensor.js'
import { type Layout, pictureOf } from '../src/model/layout.js'
import type { OpenDiffusionModel } from '../src/models/diffusion-model.js'
import { families } from '../src/models/families/index.js'
import { newKey, readKey } from '../src/watermark/key.js'
import { watermarks, zeroMessage } from '../src/watermark/schemes/index.js'

const otherFolder = process.env.UNDIFFUSE_GOLDEN
/** The folders of the tests, or those that UNDIFFUSE_GOLDEN names. */
export const golden = join(otherFolder ?? join(import.meta.dirname, 'golden'), 'pipelines')
/** Whether they are the tests' own, which have every family; others may lack some. */
export const isOwn = otherFolder === undefined

/** Both sides compute in float32; what is left is the order of their sums. Relative to the largest value. */
export const tolerance = 1e-4
/** Gradients add up more terms than outputs. */
export const gradientTolerance = 1e-3
/**
 * Nor may gradients of a network be further off than so many times torch's own float32 error, which NOTE.md tells. That is the
 * largest error of one draw on one processor: kernels without AVX-512 sum in another order and come to 4.7 times of it.
 */
export const timesTorch = 8
/** What an inversion that says it is exact brings the noise back to. */
export const exactDb = -90

export const classOf = (name: string) =>
  parseJsonObject(readFileSync(join(golden, name, 'model_index.json'), 'utf8'), name)._class_name as string

const names = readdirSync(golden).filter((name) => existsSync(join(golden, name, 'model_index.json')))
const builtClasses = families.flatMap(({ pipelineClasses }) => pipelineClasses)
const isBuilt = (name: string) => builtClasses.includes(classOf(name))
/** Transformers of flows say their settings in a file of their own, and name their numbers otherwise. */
const isFlow = (name: string) => existsSync(join(golden, name, 'reference.json'))

/** Those of clips have files of tests of their own. */
const isWan = (name: string) => /^Wan/.test(classOf(name))
const isLaVie = (name: string) => classOf(name) === 'VideoGenPipeline'

/** Folders of families that are built, in the two forms of their numbers, and of those that are not. */
export const built = names.filter((name) => isBuilt(name) && !isFlow(name) && !isLaVie(name))
export const builtFlows = names.filter((name) => isBuilt(name) && isFlow(name) && !isWan(name))
export const builtWan = names.filter((name) => isBuilt(name) && isWan(name))
export const builtLaVie = names.filter((name) => isBuilt(name) && isLaVie(name))
export const others = names.filter((name) => !isBuilt(name))

/** The model of a folder for each number of steps, opened once. */
export function openings(open: (steps: number) => Promise<OpenDiffusionModel>) {
  const opening = new Map<number, Promise<OpenDiffusionModel>>()
  return {
    opened(steps: number): Promise<OpenDiffusionModel> {
      const found = opening.get(steps) ?? open(steps)
      opening.set(steps, found)
      return found
    },
    async closeAll(): Promise<void> {
      for (const each of opening.values()) await (await each).close()
    },
  }
}

export const largest = ({ data }: Tensor) => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)

/** The largest difference over the largest value. */
export const error = (ours: Tensor, theirs: Tensor) => {
  expect(ours.data.length).toBe(theirs.data.length)
  return largest(combine([1, { ...ours, shape: theirs.shape }], [-1, theirs])) / largest(theirs)
}

/** One of a batch. */
export function row({ shape: [, ...shape], data }: Tensor, i: number): Tensor {
  const size = sizeOf(shape)
  return { shape, data: data.slice(i * size, (i + 1) * size) }
}

/** The same numbers in another shape. */
export const shaped = ({ data }: Tensor, shape: Shape): Tensor => ({ shape, data })

/** Channels × height × width as rows of 2 × 2 places: channel, row, column. */
export function packed({ shape, data }: Tensor): Tensor {
  const [channels, height, width] = shape as [number, number, number]
  const places = Array.from({ length: (height / 2) * (width / 2) }, (_, i) => [
    2 * Math.floor(i / (width / 2)),
    2 * (i % (width / 2)),
  ])
  const values = places.flatMap(([y, x]) =>
    Array.from({ length: 4 * channels }, (_, i) => {
      const [channel, row, column] = [Math.floor(i / 4), y! + (Math.floor(i / 2) % 2), x! + (i % 2)]
      return data[(channel * height + row) * width + column]!
    }),
  )
  return tensor([places.length, 4 * channels], values)
}

/** The inverse of `packed`: rows × columns of tokens as channels × height × width. */
export function unpacked({ shape, data }: Tensor, [rows, columns]: readonly [number, number]): Tensor {
  const channels = shape[1]! / 4
  const [height, width] = [2 * rows, 2 * columns]
  const values = Array.from({ length: channels * height * width }, (_, i) => {
    const [channel, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width]
    const token = Math.floor(y / 2) * columns + Math.floor(x / 2)
    return data[token * shape[1]! + 4 * channel + 2 * (y % 2) + (x % 2)]!
  })
  return tensor([channels, height, width], values)
}

/** Pictures of about so many pixels along a side hold every mark; clips have two latent frames. */
const markedSide = 64

/** Every scheme marks noise of this layout and finds its mark; the key says which axes the noise has. */
export function holdsMarks(layout: Layout, model: string): void {
  const side = layout.multiple * Math.ceil(markedSide / layout.multiple)
  const shape = layout.latentShape(pictureOf(layout, { height: side, width: side, frames: 5 }))
  for (const make of watermarks) {
    const text = newKey({ scheme: make.definition.id, model, latentShape: shape }, new Uint8Array(32).fill(7))
    const key = readKey(text, 'key.json')
    expect(key.axes).toEqual(layout.axes)
    const plain = torchNoise(1, shape)
    const { pValue } = key.mark().read(key.mark().imprint(plain, zeroMessage(key)))
    // RingID's word is as long as small noise has room for.
    expect(pValue).toBeLessThanOrEqual(Math.max(1e-5, key.smallestPValue))
    expect(key.mark().read(plain).pValue).toBeGreaterThan(1e-5)
  }
}

export async function runOn(
  runtime: Runtime,
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<string, Tensor>>> {
  const session = await runtime.open(graph)
  const results = await session.run(feeds)
  await session.close()
  return results
}

/** channels × frames × … as frames × channels × …, or back. */
export function swapped({ shape, data }: Tensor): Tensor {
  const [outer, inner, ...sides] = shape as [number, number, number, number]
  const size = sides[0]! * sides[1]!
  const moved = new Float64Array(data.length)
  for (let i = 0; i < outer; i++) {
    for (let j = 0; j < inner; j++) {
      moved.set(data.subarray((i * inner + j) * size, (i * inner + j + 1) * size), (j * outer + i) * size)
    }
  }
  return { shape: [inner, outer, ...sides], data: moved }
}
