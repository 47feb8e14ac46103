/** The models that ship with the package, by id. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this package: the nearest one above that holds `models`. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

export interface BundledModel {
  readonly id: string
  readonly folder: string
}

/** The bundled diffusion models, in alphabetical order; the first is the default of commands. */
export async function bundledModels(): Promise<readonly BundledModel[]> {
  const models = join(packageRoot(), 'models')
  const names = existsSync(models) ? await readdir(models) : []
  return names
    .sort()
    .map((id) => ({ id, folder: join(models, id) }))
    .filter(({ folder }) => existsSync(join(folder, 'model_index.json')))
}

/** A file that ships with the package. */
export const bundledFile = (...path: readonly string[]): string => join(packageRoot(), ...path)
