/** Folders and files that users of other tools stumbled over: each is read, or refused by what it is. */
import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { automaticDecoder } from '../src/autoencoder/automatic.js'
import { fingerprint } from '../src/checkpoints/fingerprint.js'
import { readText } from '../src/checkpoints/json.js'
import { encodeSafetensors, readSafetensorsHeader } from '../src/checkpoints/safetensors.js'
import { readTensors, safetensor } from '../src/checkpoints/tensors.js'
import { openWeights } from '../src/checkpoints/weights.js'
import { isUndiffuseError } from '../src/core/errors.js'
import { ddim } from '../src/diffusion/solvers/index.js'
import { torchNoise } from '../src/math/noise.js'
import { map, norm, subtract, type Tensor } from '../src/math/tensor.js'
import { openDiffusionModel } from '../src/models/diffusion-model.js'
import { openAutoencoderNetworks, type openNetwork } from '../src/models/open.js'
import { openTokenizer } from '../src/models/text/tokenizer.js'
import { isContactSheet } from '../src/node/contact-sheet.js'
import { nodeFiles } from '../src/node/files.js'
import { isSrgbProfile } from '../src/node/icc-profile.js'
import { decodeImage, measureImage, readImage } from '../src/node/read-image.js'
import { newKey, readKey } from '../src/watermark/key.js'
import { detectAll } from '../src/watermark/reading/detect.js'
import { lastingRuntime } from './lasting-runtime.js'

const golden = join(import.meta.dirname, 'golden')
const runtime = lastingRuntime({ threads: 1 })
let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-failing-'))
})
afterAll(async () => {
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

describe('merges that are cut short', () => {
  const bundled = join(import.meta.dirname, '..', 'models', 'undiffuse-scenes', 'tokenizer')
  it.each([
    ['all of them', 0],
    ['half of them', 0.5],
  ])('are missed: %s', async (_, kept) => {
    const folder = await mkdtemp(join(root, 'tokenizer-'))
    await cp(bundled, folder, { recursive: true })
    const file = join(folder, 'merges.txt')
    const lines = (await readFile(file, 'utf8')).trim().split('\n')
    await writeFile(file, lines.slice(0, 1 + Math.floor(kept * (lines.length - 1))).join('\n'))
    await expect(openTokenizer(nodeFiles, folder)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/merges that make the \d+ tokens.*merges\.txt/),
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

describe('fields of an autoencoder', () => {
  const moments = { latents_mean: [0, 0, 0, 0], latents_std: [1, 1, 1, 1] }
  it.each([
    ['a shift beside means', { ...moments, shift_factor: 0.1 }, /`shift_factor`.*got 0\.1/],
    ['means of no channels', { latents_mean: [], latents_std: [] }, /4 means.*got means: \[\]/],
    ['deviations beyond any', { ...moments, latents_std: [1e300, 1, 1, 1] }, /`latents_std`/],
    ['a scale beyond any', { scaling_factor: 1e300 }, /`scaling_factor`.*got 1e\+300/],
    ['a scale below any', { scaling_factor: 1e-300 }, /`scaling_factor`.*got 1e-300/],
    ['a shift beyond any', { shift_factor: -1e300 }, /`shift_factor`.*got -1e\+300/],
    ['no block', { block_out_channels: [], down_block_types: [], up_block_types: [] }, /block_out_channels.*got \[\]/],
    ['types of no block', { up_block_types: [] }, /`up_block_types`.*got 0/],
    ['types of one block too many', { down_block_types: Array(9).fill('DownEncoderBlock2D') }, /`down_block_.*got 9/],
  ])('that do not go together are refused by name: %s', async (_, fields, message) => {
    const path = await changed('autoencoder-kl', 'config.json', fields)
    await expect(openAutoencoderNetworks(nodeFiles, path)).rejects.toThrow(message)
  })
})

describe('fields of a network', () => {
  it.each([
    ['class_embed_type', 'timestep'],
    ['time_cond_proj_dim', 256],
  ])('that are refused say what they are: %s', async (field, value) => {
    const path = await changed('pipelines/sd1-published', 'unet/config.json', { [field]: value })
    const said = expect.stringMatching(new RegExp(`\`${field}\`.*got ${JSON.stringify(value)}\\.`))
    await expect(openDiffusionModel(nodeFiles, path, runtime)).rejects.toMatchObject({ message: said })
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

describe('pipes', () => {
  it('are refused, and not waited for, whatever they stand for', async () => {
    const pipe = join(root, 'pipe')
    execFileSync('mkfifo', [pipe])
    const said = expect.objectContaining({ message: expect.stringMatching(/a pipe or a device/) })
    await expect(readImage(pipe)).rejects.toEqual(said)
    await expect(measureImage(pipe)).rejects.toEqual(said)
    await expect(readSafetensorsHeader(nodeFiles, pipe)).rejects.toEqual(said)
    await expect(readText(nodeFiles, pipe)).rejects.toEqual(said)
    expect(await isContactSheet(pipe)).toBe(false)
    const path = await changed('pipelines/sd1-published')
    for (const name of ['vae/config.json', 'tokenizer/merges.txt', 'unet/diffusion_pytorch_model.safetensors']) {
      await rm(join(path, name))
      execFileSync('mkfifo', [join(path, name)])
      await expect(openDiffusionModel(nodeFiles, path, runtime)).rejects.toSatisfy(isUndiffuseError)
      await expect(fingerprint(nodeFiles, path)).resolves.toBeDefined()
    }
  })
})

describe('noise of numbers whose squares are no numbers', () => {
  it('is refused within a second', async () => {
    const noise = (await readTensors(nodeFiles, join(golden, 'pictures', 'h-1e155.safetensors'))).get('noise')!
    expect(noise.data.every(Number.isFinite)).toBe(true)
    for (const scheme of ['tree-ring', 'tree-ring:pattern=ring', 'gaussian-shading', 'prc', 'ring-id']) {
      const text = newKey({ scheme, model: 'undiffuse-scenes', latentShape: noise.shape }, new Uint8Array(32).fill(7))
      const begin = performance.now()
      expect(() => readKey(text, 'key').mark().read(noise)).toThrow(expect.objectContaining({ code: 'not-finite' }))
      expect((performance.now() - begin) / 1000).toBeLessThan(1)
    }
  })
})

describe('pictures', () => {
  const saved = (name: string) => join(golden, 'pictures', name)

  it.each([
    ['rgb.heic', /got a HEIC picture\. Save it as PNG or JPEG/],
    ['lab.tif', /got one in CIELab\. Save it as PNG or JPEG/],
  ])('that are whole and are not read are named: %s', async (name, message) => {
    for (const look of [readImage, measureImage]) {
      await expect(look(saved(name))).rejects.toMatchObject({
        code: 'bad-image',
        message: expect.stringMatching(message),
      })
    }
  })

  // First bytes, by each format's own specification; what follows is not looked at.
  it.each([
    ['a BMP picture', '424d 36000c00 0000 0000 36000000 28000000'],
    ['a JPEG XL picture', 'ff0a fa1f 0100'],
    ['a JPEG XL picture', '0000000c 4a584c20 0d0a870a 00000014 66747970 6a786c20'],
    ['a JPEG 2000 picture', '0000000c 6a502020 0d0a870a 00000014 66747970 6a703220'],
    ['a Photoshop picture (PSD)', '38425053 0001 000000000000 0003'],
    ['a GIMP picture (XCF)', '67696d7020786366 20763031 3100'],
    ['an icon (ICO)', '00000100 0100 2020 0000'],
    ['a TGA picture', '00000200 00000000 00000000 00020002 1820'],
    ['a TGA picture', '00000a00 00000000 00000000 00020002 2008'],
    ['an OpenEXR picture', '762f3101 02000000'],
    ['a Radiance picture (HDR)', '233f52414449414e43450a'],
    ['a Netpbm picture', '50360a 3634203634 0a3235350a'],
    ['a PDF document', '255044462d312e370a'],
    ['a HEIC picture', '00000018 66747970 68656978 00000000 6d696631 68656978'],
    ['a HEIC picture', '00000018 66747970 6d696631 00000000 6d696631 68656963'],
    ["a camera's raw picture", '00000018 66747970 63727820 00000001 63727820 69736f6d'],
    ['a clip', '00000018 66747970 69736f6d 00000200 69736f6d 6d703432'],
    ['a clip (Matroska or WebM)', '1a45dfa3 01000000'],
  ])('of other programs are named as what they are: %s', async (name, digits) => {
    const bytes = Buffer.concat([Buffer.from(digits.replaceAll(' ', ''), 'hex'), Buffer.alloc(64)])
    const message = `Expected a PNG, JPEG, WebP, GIF, TIFF or AVIF picture for \`a\`, got ${name}. Save it as PNG or JPEG.`
    await expect(decodeImage(bytes, 'a')).rejects.toMatchObject({ code: 'bad-image', message })
  })

  // By LittleCMS, relative colorimetric, and by the sRGB formula.
  it.each([
    ['linear-named-srgb.png', [188, 137, 99]],
    ['linear-named-rec709.png', [188, 137, 99]],
  ])('are converted where their curve is not that of sRGB, whatever they are called: %s', async (name, wanted) => {
    const { image, notes } = await readImage(saved(name))
    const seen = [0, 1, 2].map((channel) => Math.round(((image.data[channel * 256]! + 1) / 2) * 255))
    expect(seen).toEqual(wanted)
    expect(notes).toContainEqual(expect.stringMatching(/colour profile to sRGB/))
  })

  it('keep their mark in a linear profile that is called sRGB', async () => {
    const folder = join(import.meta.dirname, '..', 'models', 'undiffuse-scenes')
    const model = await openDiffusionModel(nodeFiles, folder, runtime)
    const key = readKey(await readFile(saved('marked.key.json'), 'utf8'), 'key')
    const { image } = await readImage(saved('marked-linear-named-srgb.png'))
    const solver = ddim({ spacing: 'lambda', steps: 20, end: 'cleanest' })
    const decoder = automaticDecoder({ gradients: 'never' })
    const [found] = await detectAll([{ image }], { model, keys: [{ key }], solver, decoder })
    expect(found!.findings[0]).toMatchObject({ verdict: 'marked' })
    expect(found!.findings[0]!.pValue).toBeLessThan(1e-30)
  })

  it('have the size that their header says, turned as they are', async () => {
    for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const) {
      for (const orientation of format === 'jpeg' || format === 'webp' || format === 'tiff' ? [1, 3, 6] : [1]) {
        const grey = sharp({ create: { width: 24, height: 16, channels: 3, background: '#808080' } })
        const file = join(root, `turned.${format}`)
        await writeFile(file, await grey.withMetadata({ orientation }).toFormat(format).toBuffer())
        const { height, width } = await measureImage(file)
        expect((await readImage(file)).image.shape).toEqual([3, height, width])
      }
    }
  })

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
