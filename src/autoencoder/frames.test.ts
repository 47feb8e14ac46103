import { describe, expect, it } from 'vitest'
import { analyticAutoencoder, batchedOver, imageShape, latentShape } from '../../test/laws/analytic-autoencoder.js'
import type { Progress } from '../core/progress.js'
import { Task } from '../core/task.js'
import { forwardStep } from '../iterations/forward-step.js'
import { solve } from '../iterations/parts/solve.js'
import { torchGenerator } from '../math/noise.js'
import { norm, subtract, type Tensor } from '../math/tensor.js'
import type { Autoencoder, DecoderInverter } from './autoencoder.js'
import { invertFrames } from './frames.js'

const single = analyticAutoencoder(0.6)
const random = torchGenerator(2)
const frames = await Promise.all(Array.from({ length: 5 }, () => single.decode(random.noise(latentShape))))

/** Takes a different number of evaluations for each frame. */
const inverter: DecoderInverter = {
  name: 'test',
  async *invert(image, autoencoder, signal) {
    const start = await autoencoder.encode(image, signal)
    const problem = {
      start,
      evaluate: async (z: Tensor) => ({ residual: subtract((await autoencoder.roundTrip(z, signal)).latent, start) }),
    }
    return yield* solve(problem, forwardStep({ rho: 0.9 }), { iterations: 40, absoluteTolerance: 0.01, signal })
  },
}

const alone = (image: Tensor, autoencoder: Autoencoder = single) => new Task(inverter.invert(image, autoencoder))

describe('invertFrames', () => {
  it.each([1, 2, 3, 8])('gives each frame what it gets alone, in chunks of %i', async (chunk) => {
    const { batched, batches } = batchedOver(single)
    const solutions = await new Task(invertFrames(frames, inverter, batched, { chunk }))
    expect(solutions).toEqual(await Promise.all(frames.map((frame) => alone(frame))))
    expect(Math.max(...batches.map(([, size]) => size))).toBe(Math.min(chunk, frames.length))
  })

  it('runs as many batches as the slowest frame takes', async () => {
    const { batched, batches } = batchedOver(single)
    const solutions = await new Task(invertFrames(frames, inverter, batched))
    const slowest = Math.max(...solutions.map(({ evaluations }) => evaluations))
    expect(new Set(solutions.map(({ evaluations }) => evaluations)).size).toBeGreaterThan(1)
    expect(batches).toHaveLength(1 + slowest)
    expect(batches[0]).toEqual(['encode', 5])
    const runs = batches.slice(1).reduce((sum, [, size]) => sum + size, 0)
    expect(runs).toBe(solutions.reduce((sum, { evaluations }) => sum + evaluations, 0))
  })

  it('reports progress that never falls and stays within its total', async () => {
    const seen: Progress[] = []
    for await (const progress of new Task(invertFrames(frames, inverter, batchedOver(single).batched, { chunk: 2 }))) {
      seen.push(progress)
    }
    seen.forEach(({ done, total }, i) => {
      expect(total).toBe(5 * 40)
      expect(done).toBeGreaterThanOrEqual(seen[i - 1]?.done ?? 0)
      expect(done).toBeLessThanOrEqual(total!)
    })
  })

  it('accepts no frames and refuses no chunk', async () => {
    const { batched } = batchedOver(single)
    expect(await new Task(invertFrames([], inverter, batched))).toEqual([])
    await expect(new Task(invertFrames(frames, inverter, batched, { chunk: 0 }))).rejects.toMatchObject({
      code: 'bad-option',
    })
  })

  it('stops all frames at the first error of one, while the reader is busy too', async () => {
    const failure = new Error('broken')
    let runs = 0
    const failing: Autoencoder = {
      ...single,
      roundTrip: (latent) => (++runs > 12 ? Promise.reject(failure) : single.roundTrip(latent)),
    }
    const read = async () => {
      for await (const _ of new Task(invertFrames(frames, inverter, batchedOver(failing).batched))) {
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    await expect(read()).rejects.toBe(failure)
  })

  it('closes every frame when it is left or aborted', async () => {
    let open = 0
    const watched: DecoderInverter = {
      name: 'watched',
      async *invert(image, autoencoder, signal) {
        open++
        try {
          return yield* inverter.invert(image, autoencoder, signal)
        } finally {
          open--
        }
      },
    }
    const { batched } = batchedOver(single)
    for await (const { done } of new Task(invertFrames(frames, watched, batched))) if (done > 7) break
    expect(open).toBe(0)

    const controller = new AbortController()
    const task = new Task(invertFrames(frames, watched, batched, { signal: controller.signal }))
    const read = async () => {
      for await (const { done } of task) if (done > 7) controller.abort('enough')
    }
    await expect(read()).rejects.toBe('enough')
    expect(open).toBe(0)
  })

  it('makes latents that decode to the frames', async () => {
    const solutions = await new Task(invertFrames(frames, inverter, batchedOver(single).batched))
    for (const [i, { value }] of solutions.entries()) {
      expect(frames[i]!.shape).toEqual(imageShape)
      // The tolerance on E(D(z)) − E(x), magnified by the inverse of a slope of at least 0.4.
      expect(norm(subtract(await single.decode(value), frames[i]!))).toBeLessThan(0.05)
    }
  })
})
