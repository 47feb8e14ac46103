/** `-` as a path: a picture from standard input; a picture, tensors or lines to standard output. */
import { expected } from 'undiffuse'
import { type FileContent, type Host, standardStream } from 'undiffuse/operations'

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

const written = (bytes: Uint8Array | string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()))
  })

async function writeOut(content: FileContent): Promise<void> {
  if (typeof content === 'string' || content instanceof Uint8Array) return await written(content)
  for await (const piece of content) await written(piece)
}

const isStream = (path: string): boolean => path === standardStream

/** The host, whose `-` is standard input where it is read and standard output where it is written. */
export function withStandardStreams(host: Host): Host {
  const { files, pictures } = host
  let input: Promise<Uint8Array> | undefined
  /** What came by standard input, read once. */
  async function given(): Promise<Uint8Array> {
    input ??= bytesOf(process.stdin)
    const bytes = await input
    if (bytes.length > 0) return bytes
    throw expected('bad-image', 'a picture', 'standard input', 'nothing', 'Pipe the bytes of a picture in.')
  }
  return {
    ...host,
    files: {
      ...files,
      nameOf: (path) => (isStream(path) ? 'picture' : files.nameOf(path)),
      isFolder: async (path) => !isStream(path) && (await files.isFolder(path)),
      grow: async (path, keptBytes) =>
        isStream(path) ? { append: written, close: async () => {} } : await files.grow(path, keptBytes),
      async write(all, options) {
        const list = [...all]
        await files.write(
          list.filter(([path]) => !isStream(path)),
          options,
        )
        for (const [path, content] of list) if (isStream(path)) await writeOut(content)
      },
    },
    pictures: {
      ...pictures,
      isSheet: async (path) => !isStream(path) && (await pictures.isSheet(path)),
      measure: async (path) =>
        isStream(path) ? await pictures.measureBytes(await given(), 'standard input') : await pictures.measure(path),
      read: async (path, options) =>
        isStream(path) ? await pictures.decode(await given(), 'standard input') : await pictures.read(path, options),
    },
  }
}
