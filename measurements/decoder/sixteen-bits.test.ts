import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeSafetensors, openAutoencoderNetworks, safetensor, Task, tensor, torchNoise } from 'undiffuse'
import { encodePng, nodeFiles, ortNode } from 'undiffuse/node'
import { expect, test } from 'vitest'
import { benchDecoder, decoderBenchText } from './decoder.js'
import { readKnownPictures } from './pictures.js'

const miniature = join(fileURLToPath(new URL('../../test/golden', import.meta.url)), 'autoencoder-tiny')

/** Starting processes takes seconds each where other work is running. */
const slow = 180_000

test('networks in 16 bits are compared with 32: near, not the same, with times of both', {
  timeout: slow,
}, async () => {
  const networks = await openAutoencoderNetworks(nodeFiles, miniature)
  const methods = [{ name: 'encoder only', specification: 'encoder-only', anytime: true }]
  const plan = {
    methods,
    budgets: [1],
    precisions: [16],
    problems: { pictures: 1, size: 16 },
    comparesBits: true,
  } as const
  const result = await new Task(benchDecoder(networks, () => ortNode({ threads: 1 }), plan))
  const { networks: agreement, gradients, seconds } = result.sixteenBits!
  // 11 bits are 66 dB; some operators one after the other lose a few bits of them.
  if (!agreement.finite) throw new Error('overflow')
  for (const decibels of [-agreement.latentDb, agreement.imagePsnrDb]) {
    expect(decibels).toBeGreaterThan(30)
    expect(decibels).toBeLessThan(90)
  }
  expect(gradients.map(({ lossScale }) => lossScale)).toEqual([1, 1024, 65536])
  for (const { errorDb } of gradients) expect(errorDb).toBeLessThan(0)
  for (const bits of ['32', '16'] as const) expect(Math.min(...Object.values(seconds[bits]))).toBeGreaterThan(0)
  expect(decoderBenchText(result)).toMatch(/Gradients at the known latents.*65536: -/)
})

test('pictures of a folder come with the latents beside them, in the order of their names', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'undiffuse-cases-'))
  try {
    const image = tensor([3, 2, 2], new Float64Array(12).fill(1))
    const latents = [torchNoise(1, [1, 4, 1, 1]), torchNoise(2, [4, 1, 1])]
    for (const [i, name] of ['b', 'a'].entries()) {
      await writeFile(join(folder, `${name}.png`), await encodePng(image))
      const bytes = encodeSafetensors({ latent: safetensor(latents[i]!, 'float64') })
      await writeFile(join(folder, `${name}.safetensors`), bytes)
    }
    await writeFile(join(folder, 'c.png'), await encodePng(image))
    const found = await readKnownPictures(folder)
    expect(found.map(({ latent }) => [...latent.data])).toEqual([[...latents[1]!.data], [...latents[0]!.data]])
    expect(found.map(({ latent }) => latent.shape)).toEqual([
      [4, 1, 1],
      [4, 1, 1],
    ])
    expect(found[0]!.image).toEqual(image)
    await rm(join(folder, 'a.png'))
    await rm(join(folder, 'b.png'))
    await expect(readKnownPictures(folder)).rejects.toMatchObject({ code: 'bad-option' })
  } finally {
    await rm(folder, { recursive: true })
  }
})
