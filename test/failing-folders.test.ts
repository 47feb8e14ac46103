/** Folders and files that users of other tools stumbled over: each is read, or refused by what it is. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fingerprint } from '../src/checkpoints/fingerprint.js'
import { readText } from '../src/checkpoints/json.js'
import { encodeSafetensors, readSafetensorsHeader } from '../src/checkpoints/safetensors.js'
import { safetensor } from '../src/checkpoints/tensors.js'
import { openWeights } from '../src/checkpoints/weights.js'
import { torchNoise } from '../src/math/noise.js'
import { map, norm, subtract, type Tensor } from '../src/math/tensor.js'
import { openDiffusionModel } from '../src/models/diffusion-model.js'
import { openAutoencoderNetworks, type openNetwork } from '../src/models/open.js'
import { openTokenizer } from '../src/models/text/tokenizer.js'
import { nodeFiles } from '../src/node/files.js'
import { isSrgbProfile } from '../src/node/icc-profile.js'
import { decodeImage } from '../src/node/read-image.js'
import { ortNode } from '../src/runtimes/onnxruntime-node/index.js'

const golden = join(import.meta.dirname, 'golden')
const runtime = ortNode({ threads: 1 })
let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-failing-'))
})
afterAll(async () => {
  await runtime.close()
  await rm(root, { recursive: true })
})

/** A copy of a golden folder, with fields of one JSON file changed. */
async function changed(name: string, file = '', fields: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const path = await mkdtemp(join(root, 'model-'))
  await cp(join(golden, name), path, { recursive: true })
  if (file !== '') {
    const text = JSON.parse(await readFile(join(path, file), 'utf8')) as Record<string, unknown>
    await writeFile(join(path, file), JSON.stringify({ ...text, ...fields }))
  }
  return path
}

describe('tokens of textual inversion', () => {
  const added = { '<toy>': 574, '<toy>_1': 575 }
  async function tokenizer(): Promise<string> {
    const path = await changed('pipelines/sd1-published')
    await writeFile(join(path, 'tokenizer', 'added_tokens.json'), JSON.stringify(added))
    return path
  }

  it('stand whole, and one of several vectors for all of them, as in diffusers', async () => {
    const { encode, size } = await openTokenizer(nodeFiles, join(await tokenizer(), 'tokenizer'))
    expect(size).toBe(576)
    const plain = encode('a red boat')
    expect(encode('a <toy> boat').slice(0, 3)).toEqual([plain[0], plain[1], 574])
    expect(encode('a <toy> boat')[3]).toBe(575)
  })

  it('are refused where their ids are taken', async () => {
    const path = await tokenizer()
    await writeFile(join(path, 'tokenizer', 'added_tokens.json'), JSON.stringify({ '<toy>': 3 }))
    await expect(openTokenizer(nodeFiles, join(path, 'tokenizer'))).rejects.toMatchObject({ code: 'bad-model' })
  })

  it('are missed where the text encoder has more than the tokenizer', async () => {
    const path = await changed('pipelines/sd1', 'text_encoder/config.json')
    const file = join(path, 'tokenizer', 'tokenizer.json')
    const definition = JSON.parse(await readFile(file, 'utf8'))
    const { vocab, merges } = definition.model
    const [left, right] = merges.at(-1) as [string, string]
    const last = vocab[left + right] as number
    // One token fewer: the last merge is gone, and the special tokens move down.
    delete vocab[left + right]
    merges.pop()
    for (const [token, id] of Object.entries(vocab as Record<string, number>)) if (id > last) vocab[token] = id - 1
    for (const token of definition.added_tokens) token.id = vocab[token.content]
    await writeFile(file, JSON.stringify(definition))
    await expect(openDiffusionModel(nodeFiles, path, runtime)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/574 tokens \(vocab_size\).*one of 573/),
    })
  })
})

describe('latents_mean and latents_std', () => {
  it('are what latents are standardised by: (latent − mean)·scale/std, as diffusers XL decodes', async () => {
    const [mean, std, scale] = [[-1.6, 1.9, -1.4, 2.5], [8.5, 5.9, 6.5, 5.2], 0.5]
    const fields = { latents_mean: mean, latents_std: std, scaling_factor: scale }
    const path = await changed('autoencoder-kl', 'config.json', fields)
    const networks = await openAutoencoderNetworks(nodeFiles, path)
    const size = { batch: 1, height: 16, width: 16 }
    const image = { ...torchNoise(1, [1, 3, 16, 16]) }
    const run = async (graph: Awaited<ReturnType<typeof openNetwork>>, feeds: Record<string, Tensor>) => {
      const session = await runtime.open(graph)
      const results = await session.run(feeds)
      await session.close()
      return results
    }
    const { mean: raw } = await run(networks.raw.encoder(size), { image })
    const { latent } = await run(networks.encoder(size), { image })
    const each = raw!.data.length / 4
    const wanted = map(raw!, (value, i) => {
      const channel = Math.floor(i / each)
      return ((value - mean[channel]!) * scale) / std[channel]!
    })
    expect(norm(subtract(latent!, wanted)) / norm(wanted)).toBeLessThan(1e-6)
    const { decoded } = await run(networks.raw.decoder(size), { latent: raw! })
    const { image: back } = await run(networks.decoder(size), { latent: latent! })
    const clipped = map(decoded!, (pixel) => Math.min(Math.max(pixel, -1), 1))
    expect(norm(subtract(back!, clipped)) / norm(clipped)).toBeLessThan(1e-5)
  })
})

describe('scaling_factor', () => {
  it.each([0, null])('is refused by name where it is %j', async (scale) => {
    const path = await changed('autoencoder-kl', 'config.json', { scaling_factor: scale })
    await expect(openAutoencoderNetworks(nodeFiles, path)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('scaling_factor'),
    })
  })
})

describe('invalid weights', () => {
  const put = async (bytes: Uint8Array | string) => {
    const file = join(await mkdtemp(join(root, 'weights-')), 'model.safetensors')
    await writeFile(file, bytes)
    return file
  }

  it('are git-lfs pointers', async () => {
    const file = await put(`version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 3438\n`)
    await expect(readSafetensorsHeader(nodeFiles, file)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/git-lfs pointer.*git lfs pull/),
    })
    await expect(readText(nodeFiles, file)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/git-lfs pointer.*git lfs pull/),
    })
  })

  it('are numbers of 8 bits, which the format has', async () => {
    const header = '{"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}'.padEnd(64)
    const bytes = Buffer.concat([Buffer.from([64, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(header), Buffer.alloc(8)])
    await expect(readSafetensorsHeader(nodeFiles, await put(bytes))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/F8_E4M3/),
    })
  })

  it('are of several variants, none of them the plain one', async () => {
    const file = await put('')
    const folder = join(file, '..')
    await rm(file)
    const [bytes] = [Buffer.concat(encodeSafetensors({ x: safetensor(torchNoise(1, [2])) }))]
    await writeFile(join(folder, 'model.ema.safetensors'), bytes)
    expect((await openWeights(nodeFiles, folder)).names).toEqual(['x'])
    await writeFile(join(folder, 'model.non_ema.safetensors'), bytes)
    await expect(openWeights(nodeFiles, folder)).rejects.toMatchObject({ message: expect.stringMatching(/non_ema/) })
  })
})

describe("links out of a model's folder", () => {
  it.each(['tokenizer/merges.txt', 'vae/config.json', 'unet/diffusion_pytorch_model.safetensors'])(
    'are refused, and nothing is told of what is there: %s',
    async (name) => {
      const path = await changed('pipelines/sd1-published')
      const secret = join(root, 'secret')
      await writeFile(secret, 'TOPSECRET of somebody')
      await rm(join(path, name))
      await symlink(secret, join(path, name))
      const attempt = openDiffusionModel(nodeFiles, path, runtime)
      await expect(attempt).rejects.toMatchObject({
        code: 'bad-model',
        message: expect.not.stringMatching(/TOPSECRET/),
      })
    },
  )

  it('are followed to the blobs of a hub cache, and no further', async () => {
    const hub = await mkdtemp(join(root, 'hub-'))
    const snapshot = join(hub, 'snapshots', 'abc')
    await mkdir(join(hub, 'snapshots'), { recursive: true })
    await cp(join(golden, 'pipelines', 'sd1-published'), snapshot, { recursive: true })
    await mkdir(join(hub, 'blobs'))
    await cp(join(snapshot, 'vae', 'config.json'), join(hub, 'blobs', 'c0ffee'))
    await rm(join(snapshot, 'vae', 'config.json'))
    await symlink('../../../blobs/c0ffee', join(snapshot, 'vae', 'config.json'))
    expect((await openAutoencoderNetworks(nodeFiles, snapshot)).latentChannels).toBe(4)
  })

  it('to a folder above are walked once', async () => {
    const path = await changed('pipelines/sd1-published')
    const before = await fingerprint(nodeFiles, path)
    for (const name of ['a', 'b', 'c']) await symlink('.', join(path, name))
    expect(await fingerprint(nodeFiles, path)).toBe(before)
    await symlink(root, join(path, 'd'))
    await expect(fingerprint(nodeFiles, path)).rejects.toMatchObject({ code: 'bad-model' })
  })
})

describe('pictures', () => {
  it('of telephones are named as what they are', async () => {
    const heic = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic\0\0\0\0mif1heic'), Buffer.alloc(64)])
    await expect(decodeImage(heic, 'a.heic')).rejects.toMatchObject({
      code: 'bad-image',
      message: expect.stringMatching(/a HEIC picture\. Save it as PNG or JPEG/),
    })
  })

  it('are sRGB by the numbers of their profile, whatever its name', async () => {
    const profileOf = async (name: string) => {
      const picture = sharp({ create: { width: 8, height: 8, channels: 3, background: '#804020' } })
      return (await sharp(await picture.withIccProfile(name).png().toBuffer()).metadata()).icc!
    }
    const srgb = await profileOf('srgb')
    expect(isSrgbProfile(srgb)).toBe(true)
    expect(isSrgbProfile(await profileOf('p3'))).toBe(false)
    expect(isSrgbProfile(srgb.subarray(0, 200))).toBe(false)
    // The same profile with a straight curve.
    const linear = Buffer.from(srgb)
    for (let at = linear.indexOf('para', 132); at >= 0; at = linear.indexOf('para', at + 4)) {
      linear.write('curv', at)
      linear.writeUInt32BE(0, at + 8)
    }
    for (let at = linear.indexOf('curv', 132); at >= 0; at = linear.indexOf('curv', at + 4))
      linear.writeUInt32BE(0, at + 8)
    expect(isSrgbProfile(linear)).toBe(false)
  })
})
