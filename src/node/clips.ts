/**
 * Clips on Node: animated WebP and GIF by sharp, MP4 by an `ffmpeg` of the user's own. 8 bits a channel, rounded as pictures are.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { expected } from '../core/errors.js'
import { type Tensor, tensor } from '../math/tensor.js'
import type { ClipSize, ReadPicture } from '../operations/host.js'
import { clipOfFrames, framesOfClip } from '../pictures/frames.js'
import { pixelOf } from '../pictures/pixels.js'
import { decodeFrames, measureFrames } from './read-image.js'
import { animation, quantize } from './write-image.js'

/** Frames in a second of what is written, as Wan's are. */
const framesPerSecond = 16

const isVideo = (path: string) => extname(path).toLowerCase() === '.mp4'

/** The size and the number of frames of a clip's file; a picture has one. An MP4 is decoded for it. */
export async function measureClip(path: string): Promise<ClipSize> {
  if (!isVideo(path)) return await measureFrames(path)
  const [, frames, height, width] = (await readClip(path)).image.shape as [number, number, number, number]
  return { frames, height, width }
}

/**
 * Reads a clip as a tensor of 3 × frames × height × width, sRGB in [−1, 1]: an animated WebP or GIF, an MP4, or a picture of one
 * frame. Throws `bad-image` as `readImage` does; `unavailable` for an MP4 where there is no ffmpeg.
 */
export async function readClip(path: string): Promise<ReadPicture> {
  if (!isVideo(path)) return await decodeFrames(path)
  const pictures = await ffmpeg(['-i', path, '-f', 'image2pipe', '-c:v', 'ppm', '-'])
  const frames = netpbm(pictures)
  if (frames.length > 0) return { image: clipOfFrames(frames), notes: [] }
  throw expected('bad-image', 'frames', `\`${path}\``, 'none', 'The file is damaged or cut short; fetch it again.')
}

/**
 * The bytes of a clip of 3 × frames × height × width: .webp (lossless), .gif (256 colours a frame), or .mp4 (H.264, nearly
 * lossless). Throws `bad-shape` and `not-finite` as pictures do; `unavailable` for .mp4 where there is no ffmpeg.
 */
export async function encodeClip(clip: Tensor, ending: string): Promise<Uint8Array> {
  const frames = framesOfClip(clip).map(quantize)
  const { width, height } = frames[0]!
  if (ending !== '.mp4') return await animation(frames, ending, 1000 / framesPerSecond)
  const folder = await mkdtemp(join(tmpdir(), 'undiffuse-clip-'))
  try {
    const file = join(folder, 'clip.mp4')
    const raw = [
      '-f',
      'rawvideo',
      '-pix_fmt',
      'rgb24',
      '-s',
      `${width}x${height}`,
      '-r',
      `${framesPerSecond}`,
      '-i',
      '-',
    ]
    const coded = ['-c:v', 'libx264', '-crf', '8', '-pix_fmt', 'yuv444p', file]
    await ffmpeg([...raw, ...coded], Buffer.concat(frames.map(({ data }) => data)))
    return await readFile(file)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Runs the user's ffmpeg, which is fed and answers bytes. */
async function ffmpeg(args: readonly string[], input?: Uint8Array): Promise<Buffer> {
  const child = spawn('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args])
  const [answer, said]: [Buffer[], string[]] = [[], []]
  child.stdout.on('data', (bytes: Buffer) => answer.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => said.push(`${bytes}`))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      const remedy = 'Install ffmpeg, or take .webp, .gif or a folder of frames.'
      const got = error.code === 'ENOENT' ? 'no such program' : error.message
      reject(expected('unavailable', '`ffmpeg`, which reads and writes .mp4,', 'this machine', got, remedy))
    })
    child.on('close', resolve)
  })
  if (code === 0) return Buffer.concat(answer)
  const got = said.join('').trim().split('\n').at(-1) || `exit code ${code}`
  throw expected('bad-image', 'a clip that ffmpeg reads and writes', '`ffmpeg`', got, 'Check the file.')
}

/** The pictures of a stream of binary PPM files, 3 × height × width each. */
function netpbm(bytes: Buffer): readonly Tensor[] {
  const frames: Tensor[] = []
  for (let at = 0; at < bytes.length; ) {
    const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString('latin1', at, at + 64))
    if (!header) break
    const [width, height] = [Number(header[1]), Number(header[2])]
    const area = width * height
    const from = at + header[0].length
    const data = new Float64Array(3 * area)
    for (let i = 0; i < 3 * area; i++) data[(i % 3) * area + Math.floor(i / 3)] = pixelOf(bytes[from + i] ?? 0)
    frames.push(tensor([3, height, width], data))
    at = from + 3 * area
  }
  return frames
}
