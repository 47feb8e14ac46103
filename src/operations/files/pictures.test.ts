import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tensor } from 'undiffuse'
import { contactSheet, encodePng, nodeHost } from 'undiffuse/node'
import { expect, onTestFinished, test } from 'vitest'
import { zeros } from '../../math/tensor.js'
import { measurePictures, picturesIn, readPictures } from './pictures.js'

const host = nodeHost()
const picture = tensor([3, 2, 2], [1, -1, -1, -1, -1, 1, -1, -1, -1, -1, 1, -1])

async function folderOf(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'undiffuse-pictures-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return folder
}

test('a folder stands for its pictures, not for the sheets that commands wrote there', async () => {
  const [png, sheet] = [await encodePng(picture), await contactSheet([[{ image: picture, label: 'a' }]])]
  const folder = await folderOf({
    'a10.png': png,
    'a9.png': png,
    'b.sheet.png': png,
    'a9.sheet.png': sheet,
    'x.txt': '',
  })
  const wanted = ['a9.png', 'a10.png', 'b.sheet.png'].map((name) => join(folder, name))
  const { paths, notes } = await picturesIn(folder, host)
  expect(paths).toEqual(wanted)
  expect(notes).toEqual([
    { about: folder, text: expect.stringMatching(/Left out 1 contact sheet /) },
    { about: folder, text: expect.stringMatching(/1 file that is not a picture in .*: `x\.txt`/) },
  ])
  await mkdir(join(folder, 'inside'))
  const text = `Left out 1 folder in \`${folder}\`; name it to read its pictures.`
  expect((await picturesIn(folder, host)).notes).toContainEqual({ about: folder, text })
  const measured = await measurePictures(paths, host, undefined)
  expect(measured).toEqual(wanted.map((path) => ({ path, size: { height: 2, width: 2 } })))
  const named = join(folder, 'a9.sheet.png')
  expect(await picturesIn(named, host)).toMatchObject({ paths: [named], notes: [] })
})

test('a folder of sheets alone holds no pictures', async () => {
  const folder = await folderOf({ 'a.png': await contactSheet([[{ image: picture, label: 'a' }]]) })
  await expect(picturesIn(folder, host)).rejects.toMatchObject({
    code: 'bad-image',
    message: expect.stringMatching(/contact sheets/),
  })
})

test('a still picture that is taken as a clip says so; a clip and a picture do not', async () => {
  const clip = (frames: number) => ({ image: zeros([3, frames, 4, 4]), notes: [] })
  const host = nodeHost()
  const pictures = {
    ...host.pictures,
    read: async () => clip(1),
    clips: { ...host.pictures.clips, read: async () => clip(1) },
  }
  const read = async (count: number | undefined) => {
    const frames = count === undefined ? {} : { frames: { count, paths: ['a.png'] } }
    const [one] = await readPictures(
      [{ path: 'a.png', size: { height: 4, width: 4 }, ...frames }],
      { ...host, pictures },
      undefined,
    )
    return one!.notes
  }
  expect(await read(1)).toEqual(['A still picture: it was taken as a clip of one frame.'])
  expect(await read(5)).toEqual([])
  expect(await read(undefined)).toEqual([])
})
