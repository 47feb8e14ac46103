/** The host of operations on Node: this machine's files, sharp, Vega, ONNX Runtime and the bundled models. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, open, rename, rm, stat, truncate } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { expected, gotText } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import type { Host, HostFiles, WriteFilesOptions } from '../operations/host.js'
import { modelsOn } from '../operations/models.js'
import { ortNode } from '../runtimes/onnxruntime-node/index.js'
import { bundledModels } from './bundled.js'
import { encodeClip, measureClip, readClip } from './clips.js'
import { contactSheet, isContactSheet } from './contact-sheet.js'
import { unavailable } from './failures.js'
import { nodeFiles, placeOf } from './files.js'
import { takeLock } from './lock.js'
import { pictureTools } from './picture-tools.js'
import { scatterPlot } from './plot.js'
import { keepProfile, keptProfile } from './profiles.js'
import { decodeImage, measureBytes, measureImage, readImage } from './read-image.js'
import { checkWritable, writeFilesAtomically, writeNewFile } from './write.js'
import { encodePng } from './write-image.js'

/** Of its owner alone. */
const ownersMode = 0o600

const modeOf = ({ ownerOnly }: WriteFilesOptions = {}) => (ownerOnly ? { mode: ownersMode } : {})

/** Does something to a file that is written; failures of the system are `unavailable`. */
async function attempt<T>(path: string, act: () => Promise<T>, what = 'a file that can be written'): Promise<T> {
  return await act().catch((error: unknown) => {
    throw unavailable(what, path, error)
  })
}

/** Renaming is certain once the folder is on the disk; not every system can say so of folders. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

/** Files of this machine, to read and to write. */
export const nodeHostFiles: HostFiles = {
  ...nodeFiles,
  nameOf: (path) => basename(resolve(path)),
  folderOf: dirname,
  placeOf,
  isFolder: async (path) => (await stat(path).catch(() => undefined))?.isDirectory() ?? false,
  async makeFolder(path) {
    await attempt(path, () => mkdir(path, { recursive: true }), 'a folder that can be written')
  },
  checkWritable,
  write: (files, options) => writeFilesAtomically(files, modeOf(options)),
  writeNew: (path, content, options) => writeNewFile(path, content, modeOf(options)),
  copy: (from, to) => attempt(to, () => copyFile(from, to)),
  async move(from, to) {
    await attempt(to, () => rename(from, to))
    await syncFolder(dirname(to))
  },
  remove: (path) => attempt(path, () => rm(path, { force: true })),
  async grow(path, keptBytes) {
    const file = await attempt(path, async () => {
      if (keptBytes > 0) await truncate(path, keptBytes)
      return await open(path, keptBytes > 0 ? 'a' : 'w')
    })
    return {
      append: (text) =>
        attempt(path, async () => {
          await file.appendFile(text)
          await file.datasync()
        }),
      close: () => file.close(),
    }
  },
  lock: takeLock,
}

/**
 * The folder of a bundled model's id, or the path itself; without either, the first bundled model. Throws `bad-model` where there is
 * neither, calling it `subject`.
 */
export async function modelFolder(idOrPath: string | undefined, subject = '`settings.model`'): Promise<string> {
  if (idOrPath !== undefined && typeof idOrPath !== 'string') {
    const remedy = 'Pass the name of a bundled model or the path of a folder.'
    throw expected('bad-option', 'text', subject, gotText(idOrPath), remedy)
  }
  const models = await bundledModels()
  const found = models.find(({ id }) => idOrPath === undefined || id === idOrPath)
  if (found) return found.folder
  const ids = models.map(({ id }) => id)
  if (idOrPath !== undefined && existsSync(idOrPath)) return idOrPath
  const near = idOrPath === undefined ? undefined : nearest(idOrPath, ids)
  const bundled = ids.length === 0 ? '' : `Bundled: ${ids.map((id) => `\`${id}\``).join(', ')}. `
  throw expected(
    'bad-model',
    'a bundled model or a folder',
    subject,
    idOrPath === undefined ? 'nothing' : `\`${idOrPath}\`, which is not there`,
    `${near === undefined ? '' : `Did you mean \`${near}\`? `}${bundled}Of any other model pass the folder that diffusers wrote.`,
  )
}

const now = () => performance.now() / 1000

/** What operations run on, on this machine. Nothing is opened here. */
export const nodeHost = (): Host => ({
  files: nodeHostFiles,
  pictures: {
    measure: measureImage,
    read: readImage,
    measureBytes,
    decode: decodeImage,
    encode: encodePng,
    sheet: contactSheet,
    isSheet: isContactSheet,
    chart: scatterPlot,
    clips: { measure: measureClip, read: readClip, encode: encodeClip },
    tools: pictureTools,
  },
  models: modelsOn({
    files: nodeFiles,
    openRuntime: ortNode,
    folderOf: modelFolder,
    keptProfile,
    keepProfile,
    now,
  }),
  now,
  randomBytes,
  pause: () => setImmediate(),
})
