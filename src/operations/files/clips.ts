/** Clips as files: one that holds all frames, or a folder with a picture of each. */

import type { Tensor } from '../../math/tensor.js'
import { clipOfFrames, framesOfClip } from '../../pictures/frames.js'
import type { FileContent, Host, ReadPicture } from '../host.js'
import { endingOf } from './paths.js'

export const clipEndings: readonly string[] = ['.webp', '.gif', '.mp4']

/** What the file of a clip ends in. */
export const endingsOfClip = (frames: number): readonly string[] =>
  frames === 1 ? [...clipEndings, '.png'] : clipEndings

/** The files of a clip that is written to `path`: a folder's are `001.png` and so on. */
export async function clipFiles(
  path: string,
  clip: Tensor,
  { files, pictures }: Pick<Host, 'files' | 'pictures'>,
  texts: Readonly<Record<string, string>>,
): Promise<readonly (readonly [string, FileContent])[]> {
  const ending = endingOf(path).toLowerCase()
  if (clipEndings.includes(ending)) return [[path, await pictures.clips.encode(clip, ending)]]
  const frames = framesOfClip(clip)
  const places = framePaths(path, frames.length, files)
  return await Promise.all(frames.map(async (frame, i) => [places[i]!, await pictures.encode(frame, texts)] as const))
}

/** Where the frames of a clip go. */
export function framePaths(path: string, count: number, { join }: Pick<Host['files'], 'join'>): readonly string[] {
  if ([...clipEndings, '.png'].includes(endingOf(path).toLowerCase())) return [path]
  const digits = Math.max(3, `${count}`.length)
  return Array.from({ length: count }, (_, i) => join(path, `${`${i + 1}`.padStart(digits, '0')}.png`))
}

/** The clip in one file, or of pictures of one size in their order. Throws `bad-shape` where their sizes differ. */
export async function readFrames(
  path: string,
  frames: readonly string[],
  { pictures }: Pick<Host, 'pictures'>,
): Promise<ReadPicture> {
  if (frames.length === 1 && frames[0] === path) return await pictures.clips.read(path)
  const read: ReadPicture[] = []
  for (const frame of frames) read.push(await pictures.read(frame))
  const notes = [...new Set(read.flatMap((one) => one.notes))]
  return { image: clipOfFrames(read.map(({ image }) => image)), notes }
}
