/** The noise of every row as files, written while rows are walked. */
import type { Steps } from '../../core/progress.js'
import type { Tensor } from '../../math/tensor.js'
import { checkFolder, isFolderPath, resultPath } from '../files/outputs.js'
import { asFileName, endingOf, withoutEnding } from '../files/paths.js'
import { fileTypeOf, tensorEndings, tensorFile } from '../files/tensor-files.js'
import { type FileContent, type Host, type OperationModel, standardStream } from '../host.js'
import type { Told } from '../operation.js'
import { completed } from '../recipes/recipe.js'
import type { Compared, CompareSettings } from './pairs.js'

const [tensorEnding] = tensorEndings

/** Where files of noise go. */
export interface NoisePlace {
  /** As reports name all of them. */
  readonly told: string
  /** That of what one holds. */
  path(stem: string): string
}

/** A folder, or `a-01-ddim-naive.npy` and others for `a.npy`. Throws `bad-option` for other names. */
export async function noisePlace(output: string, files: Host['files']): Promise<NoisePlace> {
  if (await isFolderPath(output, files)) {
    return { told: output, path: (stem) => files.join(output, `${stem}${tensorEnding}`) }
  }
  if (output === standardStream) await checkFolder(output, 'the noise of every row', files)
  await resultPath(output, 'noise', tensorEndings, files)
  const path = (stem: string) => `${withoutEnding(output)}-${stem}${endingOf(output)}`
  return { told: path('*'), path }
}

/** Names of files have an end; the row's number in the table tells two that begin alike apart, and sorts them. */
const mostOfName = 80
const nameOf = (specification: string): string => asFileName(specification).slice(0, mostOfName)

/** Writes noise while rows are walked: an interruption loses only the row in hand. */
export interface NoiseKeeper {
  readonly written: readonly string[]
  /** The noise of each way of a row, which then names its files. */
  keep(row: Compared, number: number): Steps<Compared, Told>
  /** The noise of the picture, where it is known. */
  keepKnown(noise: Tensor, rows: readonly Compared[]): Steps<void, Told>
}

/** Each file says how it was made. */
export function noiseKeeper(
  settings: CompareSettings,
  pathOf: (stem: string) => string,
  { model, modelFiles, files }: { model: OperationModel; modelFiles: string; files: Host['files'] },
): NoiseKeeper {
  const { layout, name } = model
  const shared = { layout, dtype: fileTypeOf(settings.precision) }
  const written: string[] = []
  async function* write(found: readonly (readonly [string, FileContent])[]): Steps<void, Told> {
    await files.write(found)
    written.push(...found.map(([path]) => path))
    yield { stage: 'noise', done: 0, keeps: [...written] }
  }
  return {
    written,
    async *keep(row, number) {
      const { solver, plan, inverter } = row.pair
      const recipe = completed(plan, model)
      const found = Object.values(row.legs ?? {}).map(({ given, inversion }) => {
        const path = pathOf(`${`${number}`.padStart(2, '0')}-${nameOf(solver)}-${nameOf(inverter.text)}.from-${given}`)
        const { noise, latent, noiseExact, outcome } = inversion
        const metadata = { model: name, modelFiles, inverter: inverter.text, noiseExact, outcome }
        const content = tensorFile(path, { noise: [noise], latent: [latent] }, { ...shared, recipe, metadata })
        return { given, path, content }
      })
      yield* write(found.map(({ path, content }) => [path, content] as const))
      return { ...row, noiseFiles: Object.fromEntries(found.map(({ given, path }) => [given, path])) }
    },
    async *keepKnown(noise, rows) {
      const path = pathOf('noise')
      const metadata = { model: name, modelFiles, seed: `${settings.seed ?? 0}` }
      // Of several solvers that begin with it the first, whose picture is first on the sheet.
      const recipe = completed(rows[0]!.pair.plan, model)
      yield* write([[path, tensorFile(path, { noise: [noise] }, { ...shared, recipe, metadata })]])
    },
  }
}
