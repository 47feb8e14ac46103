/** What commands share that sample or invert: the model, opened for as long as they run, and the work they follow. */
import { performance } from 'node:perf_hooks'
import { type Command, Option } from 'commander'
import {
  type DenoisingPrecision,
  type OpenDiffusionModel,
  openAutoencoderNetworks,
  openDiffusionModel,
  type Progress,
} from 'undiffuse'
import { nodeFiles } from 'undiffuse/node'
import { modelFolder, type NetworkCost, withRuntime } from './networks.js'
import { profileOption, withProfile } from './profiles.js'
import { namedSolver, type Recipe } from './recipe.js'
import type { Terminal } from './terminal.js'

/** Which model, and how its networks run. */
export interface NetworkOptions {
  readonly model?: string
  readonly device?: string
  readonly precision: PrecisionName
  readonly lean: boolean
  /** A profile's file, or `none`. */
  readonly profile?: string
}

export type PrecisionName = `${DenoisingPrecision}`

/** `--precision`, and what it says. 64 is for the denoising network alone. */
export const precisionOption = (): Option =>
  new Option('--precision <bits>', 'of the numbers that networks compute with; 64: the denoising network alone')
    .choices(['16', '32', '64'])
    .default('32')

export const precisionOf = (name: PrecisionName): DenoisingPrecision => Number(name) as DenoisingPrecision

export const addNetworkOptions = (command: Command): Command =>
  command
    .option('--model <id|folder>', 'a bundled model or a diffusers folder (default: the bundled one)')
    .addOption(precisionOption())
    .option('--device <name>', 'where networks run, see `undiffuse doctor` (default: cpu)')
    .option('--lean', 'spend time to save memory', false)
    .option(...profileOption)

/** A clock in seconds. */
export const now = (): number => performance.now() / 1000

/** Opens the model, its solver with the recipe's steps, and runs `body`; what was opened is closed with it. */
export async function withModel<T>(
  { model: name, device, precision, lean, profile: named }: NetworkOptions,
  recipe: Recipe,
  body: (model: OpenDiffusionModel, cost: () => Promise<NetworkCost>) => Promise<T>,
): Promise<T> {
  namedSolver(recipe)
  const folder = await modelFolder(name)
  return await withRuntime(device, async (runtime, cost) => {
    const { profile } = await withProfile(await openAutoencoderNetworks(nodeFiles, folder), folder, named)
    const options = {
      profile: profile ?? ('none' as const),
      precision: precisionOf(precision),
      lean,
      ...(recipe.steps !== undefined && { steps: recipe.steps }),
    } as const
    const model = await openDiffusionModel(nodeFiles, folder, runtime, options)
    return await body(model, cost)
  })
}

/** Draws the progress of work until it ends, as a part of a whole where there is one. */
export async function follow<T>(
  io: Terminal,
  task: PromiseLike<T> & AsyncIterable<Progress>,
  part?: string,
): Promise<T> {
  for await (const progress of task) {
    io.progress(part === undefined ? progress : { ...progress, stage: `${part}: ${progress.stage}` })
  }
  return await task
}
