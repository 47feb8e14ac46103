/** Clips as files: what is written comes back, frame by frame, and a missing codec is said. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { torchNoise } from '../math/noise.js'
import { map, type Tensor } from '../math/tensor.js'
import { clipOfFrames, filmstrip, framesOfClip } from '../pictures/frames.js'
import { psnrDb, round8 } from '../pictures/pixels.js'
import { encodeClip, measureClip, readClip } from './clips.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-clips-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Frames that differ, of sides that differ, with few colours: a GIF can hold them. */
const colours = (count: number): Tensor =>
  round8(map(torchNoise(3, [3, count, 16, 24]), (value) => (value > 0 ? 0.8 : -0.6)))

async function written(clip: Tensor, ending: string): Promise<string> {
  const path = join(folder, `${clip.shape.join('x')}${ending}`)
  await writeFile(path, await encodeClip(clip, ending))
  return path
}

describe('a clip', () => {
  it.each(['.webp', '.gif'])('comes back as it was written: %s', async (ending) => {
    for (const frames of [1, 5]) {
      const clip = colours(frames)
      const path = await written(clip, ending)
      expect(await measureClip(path)).toEqual({ frames, height: 16, width: 24 })
      expect((await readClip(path)).image).toEqual(clip)
    }
    const { loop, delay } = await sharp(await readFile(await written(colours(5), ending))).metadata()
    expect([loop, delay?.length]).toEqual([0, 5])
  })

  it('is one frame of a picture', async () => {
    const path = join(folder, 'still.png')
    await sharp({ create: { width: 6, height: 4, channels: 3, background: '#ff0000' } })
      .png()
      .toFile(path)
    const { image } = await readClip(path)
    expect(image.shape).toEqual([3, 1, 4, 6])
    expect([image.data[0], image.data[24]]).toEqual([1, -1])
  })

  it('is its frames, and a strip of some of them', () => {
    const clip = colours(9)
    const frames = framesOfClip(clip)
    expect(clipOfFrames(frames)).toEqual(clip)
    const strip = filmstrip(clip)
    expect(strip.shape).toEqual([3, 16, 4 * 24])
    // Row 2 of the last frame's second channel.
    const at = (16 + 2) * 96 + 3 * 24
    expect([...strip.data.subarray(at, at + 24)]).toEqual([...frames[8]!.data.subarray((16 + 2) * 24, (16 + 3) * 24)])
  })

  it('that is damaged or a text is refused', async () => {
    const path = await written(colours(5), '.webp')
    const bytes = await readFile(path)
    await writeFile(path, bytes.subarray(0, bytes.length / 2))
    await expect(readClip(path)).rejects.toMatchObject({ code: 'bad-image' })
    const text = join(folder, 'text.gif')
    await writeFile(text, 'a clip')
    await expect(readClip(text)).rejects.toMatchObject({ code: 'bad-image' })
  })
})

describe('an MP4', () => {
  afterAll(() => vi.unstubAllEnvs())

  it('needs an ffmpeg', async () => {
    vi.stubEnv('PATH', folder)
    const wanted = { code: 'unavailable', message: expect.stringMatching(/ffmpeg.*\.mp4.*no such program.*\.webp/) }
    await expect(readClip(join(folder, 'a.mp4'))).rejects.toMatchObject(wanted)
    await expect(encodeClip(colours(5), '.mp4')).rejects.toMatchObject(wanted)
  })

  it.skipIf(process.platform === 'win32')(
    'is what ffmpeg makes of raw frames, and the pictures that it gives',
    async () => {
      // Stands for ffmpeg: keeps raw frames as they are, and gives them back as PPM.
      const program = `#!${process.execPath}
const { readFileSync, writeFileSync } = require('node:fs')
const args = process.argv.slice(2)
if (args.includes('rawvideo')) {
  const [width, height] = args[args.indexOf('-s') + 1].split('x').map(Number)
  writeFileSync(args.at(-1), JSON.stringify({ width, height, data: readFileSync(0).toString('base64') }))
} else {
  const { width, height, data } = JSON.parse(readFileSync(args[args.indexOf('-i') + 1], 'utf8'))
  const bytes = Buffer.from(data, 'base64')
  for (let at = 0; at < bytes.length; at += 3 * width * height) {
    process.stdout.write(Buffer.concat([Buffer.from('P6\\n' + width + ' ' + height + '\\n255\\n'), bytes.subarray(at, at + 3 * width * height)]))
  }
}
`
      await writeFile(join(folder, 'ffmpeg'), program)
      await chmod(join(folder, 'ffmpeg'), 0o755)
      vi.stubEnv('PATH', folder)
      const path = await written(colours(5), '.mp4')
      expect(psnrDb((await readClip(path)).image, colours(5))).toBe(Number.POSITIVE_INFINITY)
      await writeFile(join(folder, 'bad.mp4'), 'nothing')
      await expect(readClip(join(folder, 'bad.mp4'))).rejects.toMatchObject({ code: 'bad-image' })
    },
  )
})
