/**
 * The autoencoders of clips as diffusers saves them, in test/golden/pipelines or in the folder that UNDIFFUSE_GOLDEN names: the
 * reference's numbers, whole and in pieces. NOTE.md of each folder says what its numbers are.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configOf } from '../src/checkpoints/config.js'
import { parseJsonObject } from '../src/checkpoints/json.js'
import { readTensors } from '../src/checkpoints/tensors.js'
import { vjp } from '../src/graph/passes/vjp.js'
import { nmseDb } from '../src/math/nmse.js'
import { combine, type Tensor } from '../src/math/tensor.js'
import { openAutoencoder } from '../src/models/autoencoder/sessions.js'
import { openModelFolder } from '../src/models/folder.js'
import { openAutoencoderNetworks, openNetwork } from '../src/models/open.js'
import * as wan from '../src/nn/autoencoder-kl-wan.js'
import { nodeFiles } from '../src/node/files.js'
import { clipOfFrames } from '../src/pictures/frames.js'
import { error, golden, gradientTolerance, row, runOn, tolerance } from './golden-pipelines.js'
import { lastingRuntime } from './lasting-runtime.js'

/** What two orders of float32 sums differ by. */
const sameDb = -110

const runtime = lastingRuntime({ threads: 1 })

const classNames = ['AutoencoderKLWan', 'AutoencoderKLQwenImage']
const json = (file: string) => parseJsonObject(readFileSync(file, 'utf8'), file)
const classOf = (name: string) => {
  const file = join(golden, name, 'vae', 'config.json')
  return existsSync(file) ? json(file)._class_name : undefined
}
const names = readdirSync(golden).filter((name) => classNames.includes(classOf(name) as string))

describe.each(names)('%s', async (name) => {
  const path = join(golden, name)
  const tensors = await readTensors(nodeFiles, join(path, 'reference.safetensors'))
  const prefixes = [...tensors.keys()].flatMap((key) => /^(vae\.(?:\d+\.)?)z$/.exec(key)?.[1] ?? [])

  it.each(prefixes)('encodes and decodes as the reference, and has its gradient: %s', async (prefix) => {
    const of = (key: string) => tensors.get(prefix + key)!
    const image = tensors.get(`${prefix}clip`) ?? of('image')
    const encoder = await openNetwork(nodeFiles, path, { part: 'encoder', shapes: { image: image.shape } })
    const { mean } = await runOn(runtime, encoder, { image })
    expect(error(mean!, of('mean'))).toBeLessThan(tolerance)

    const decoder = await openNetwork(nodeFiles, path, { part: 'decoder', shapes: { latent: of('z').shape } })
    const cotangent = combine([2, of('decoded')], [-2, image])
    const graph = vjp(decoder, { wrt: ['latent'], keep: ['decoded'] })
    const results = await runOn(runtime, graph, { latent: of('z'), 'cotangent.decoded': cotangent })
    expect(error(results.decoded!, of('decoded'))).toBeLessThan(tolerance)
    expect(error(results['gradient.latent']!, of('grad_z'))).toBeLessThan(gradientTolerance)
  })

  it('gives the same in pieces of any length', async () => {
    const longest = prefixes.at(-1)!
    const [image, z] = [tensors.get(`${longest}clip`) ?? tensors.get(`${longest}image`)!, tensors.get(`${longest}z`)!]
    const part = await (await openModelFolder(nodeFiles, path)).part('vae', classNames)
    if (part.kind !== 'network') throw new Error('expected a network part')
    const config = wan.autoencoderKlWanConfig(part.config)
    const weights = await part.openWeights()
    const [batch, , frames, height, width] = image.shape as [number, number, number, number, number]
    const size = { batch, frames, height, width }
    const [first, ...others] = await Promise.all(
      [1, 2, z.shape[2]!].map(async (together) => ({
        ...(await runOn(runtime, wan.encoderGraph(config, weights, size, together), { image })),
        ...(await runOn(runtime, wan.decoderGraph(config, weights, size, together), { latent: z })),
      })),
    )
    for (const other of others) {
      for (const output of ['mean', 'logvar', 'decoded']) {
        expect(nmseDb(other[output]!, first![output]!)).toBeLessThan(sameDb)
      }
    }
  })
})

const alone = readdirSync(golden).filter((name) => {
  const file = join(golden, name, 'config.json')
  return existsSync(file) && json(file)._class_name === 'AutoencoderKLTemporalDecoder'
})

describe.each(alone)('%s', async (name) => {
  const temporal = join(golden, name)
  const tensors = await readTensors(nodeFiles, join(temporal, 'reference.safetensors'))
  const counts = [...tensors.keys()].flatMap((key) => /^(\d+)\.z$/.exec(key)?.[1] ?? [])

  it.each(counts)('encodes and decodes as the reference, and has its gradient: %s frames', async (count) => {
    const of = (key: string) => tensors.get(`${count}.${key}`)!
    const [image, latent] = [of('clip'), of('z')]
    const encoder = await openNetwork(nodeFiles, temporal, { part: 'encoder', shapes: { image: image.shape } })
    expect(error((await runOn(runtime, encoder, { image })).mean!, of('mean'))).toBeLessThan(tolerance)
    const decoder = await openNetwork(nodeFiles, temporal, { part: 'decoder', shapes: { latent: latent.shape } })
    const graph = vjp(decoder, { wrt: ['latent'], keep: ['decoded'] })
    const results = await runOn(runtime, graph, {
      latent,
      'cotangent.decoded': combine([2, of('decoded')], [-2, image]),
    })
    expect(error(results.decoded!, of('decoded'))).toBeLessThan(tolerance)
    expect(error(results['gradient.latent']!, of('grad_z'))).toBeLessThan(gradientTolerance)
  })

  it('has clips of any length in model units, each alone', async () => {
    const longest = counts.at(-1)!
    const model = openAutoencoder(await openAutoencoderNetworks(nodeFiles, temporal), runtime)
    const clip = clipOfFrames(framesOf(tensors.get(`${longest}.clip`)!))
    const backwards = clipOfFrames(framesOf(tensors.get(`${longest}.clip`)!).toReversed())
    const wanted = clipOfFrames(framesOf(tensors.get(`${longest}.latent`)!))
    const [latent, other] = await model.ask('encode', [clip, backwards])
    expect(error(latent!, wanted)).toBeLessThan(tolerance)
    const [both] = await model.ask('decode', [latent!, other!])
    const [alone] = await model.ask('decode', [latent!])
    expect(nmseDb(both!, alone!)).toBeLessThan(sameDb)
    await model.close()
  })
})

/** The parts of a batch. */
const framesOf = (batch: Tensor): readonly Tensor[] => Array.from({ length: batch.shape[0]! }, (_, i) => row(batch, i))

describe('a configuration', () => {
  it('has base_dim channels after the first convolution, whatever the first stage has, as WanEncoder3d of diffusers', () => {
    const read = wan.autoencoderKlWanConfig(configOf('config.json', { base_dim: 8, dim_mult: [3, 1, 2, 2] }))
    expect(read.encoderStem).toBe(8)
    expect(read.encoderWidths).toEqual([24, 8, 16, 16])
  })

  it.each([
    [{ is_residual: true }, 'unsupported', /Expected false for `is_residual`/],
    [{ patch_size: 2 }, 'unsupported', /`patch_size`/],
    [{ attn_scales: [0.5] }, 'unsupported', /`attn_scales`/],
    [{ temperal_downsample: [true] }, 'bad-model', /dim_mult \[1,2,4,4\]/],
    [{ temperal_downsample: [true, true, true] }, 'unsupported', /`temperal_downsample`/],
    [{ scale_factor_temporal: 8 }, 'bad-model', /Expected 4, as its stages halve, for `scale_factor_temporal`/],
    [{ num_res_blocks: 0 }, 'bad-model', /`num_res_blocks`/],
  ])('%j is refused', (fields, code, message) => {
    const attempt = () => wan.autoencoderKlWanConfig(configOf('config.json', fields))
    expect(attempt).toThrowError(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  })
})
