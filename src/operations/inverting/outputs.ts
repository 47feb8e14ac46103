/** Where `invert` writes: one file of tensors or a folder of them, and what explains them where that is asked for. */
import { expected } from '../../core/errors.js'
import { setting } from '../fields.js'
import { checkEnding, isFolderPath, prepareOutputs, resultPath } from '../files/outputs.js'
import { withoutEnding } from '../files/paths.js'
import { isTensorFile, tensorEndings } from '../files/tensor-files.js'
import { type FileContent, type Host, standardStream } from '../host.js'
import type { InvertSettings } from './fields.js'

const [ending] = tensorEndings

export interface TensorOutputs {
  /** One file for all, or one for each. */
  readonly tensors: string | readonly string[]
  readonly sheet?: string
  /** The path of a file in the folder of the report. */
  readonly report?: (ending: string) => string
}

/**
 * Says before any work what can be said against the outputs. Throws `bad-option` for a file of another
 * ending.
 */
export async function checkOutputs({ output, sheet, report, sources }: InvertSettings, { files }: Host): Promise<void> {
  if (output !== undefined) await resultPath(output, `noise${ending}`, tensorEndings, files)
  if (sheet !== undefined) checkEnding(sheet, '.png', 'sheet')
  const folder = report === undefined ? undefined : files.join(report, 'report.json')
  const file = output !== undefined && isTensorFile(output) ? output : undefined
  await prepareOutputs(
    files,
    { 'settings.output': file, 'settings.sheet': sheet, 'settings.report': folder },
    { 'a source': sources },
  )
}

/** `names` are those of the pictures or latents that are read, those of folders and files too, without endings. */
export async function tensorOutputs(
  { output, report, sheet, sources: named }: InvertSettings,
  names: readonly string[],
  { files }: Host,
): Promise<TensorOutputs> {
  const stemOf = (path: string) => withoutEnding(path === standardStream ? 'picture' : files.nameOf(path))
  const [first] = named as readonly [string]
  // A latent's own file is not written over.
  const own = `${stemOf(first)}${isTensorFile(first) ? '.noise' : ''}${ending}`
  const isFolder = output !== undefined && (await isFolderPath(output, files))
  if (sheet !== undefined) checkEnding(sheet, '.png', 'sheet')
  const tensors = isFolder ? eachIn(output, names, files) : (output ?? own)
  const stem = output === undefined || output === standardStream ? withoutEnding(own) : stemOf(output)
  const besides = report === undefined ? undefined : (name: string) => files.join(report, `${stem}.${name}`)
  const pictures = sheet ?? besides?.('sheet.png')
  return { tensors, ...(pictures && { sheet: pictures }), ...(besides && { report: besides }) }
}

/** Throws `bad-option` for two sources of one name. */
function eachIn(folder: string, stems: readonly string[], files: Host['files']): readonly string[] {
  const twice = stems.find((stem, i) => stems.indexOf(stem) !== i)
  if (twice === undefined) return stems.map((stem) => files.join(folder, `${stem}${ending}`))
  const remedy = 'Rename the sources, or invert them one at a time.'
  throw expected('bad-option', 'sources of different names', setting('sources'), `\`${twice}\` twice`, remedy)
}

/** The files of tensors: one of all, or one of each. */
export const tensorFiles = <T>(
  paths: string | readonly string[],
  found: readonly T[],
  fileOf: (path: string, some: readonly T[]) => FileContent,
): readonly (readonly [string, FileContent])[] =>
  typeof paths === 'string'
    ? [[paths, fileOf(paths, found)]]
    : paths.map((path, i) => [path, fileOf(path, [found[i]!])] as const)
