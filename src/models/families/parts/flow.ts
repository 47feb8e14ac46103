/** What the families share whose denoiser is a transformer and tells a flow's velocity. */
import { readConfig } from '../../../checkpoints/config.js'
import type { CheckpointFolder, NetworkPart } from '../../../checkpoints/folder.js'
import { expected } from '../../../core/errors.js'
import type { Schedule } from '../../../diffusion/level.js'
import type { ConfigReader } from '../../../nn/parameters.js'
import type { PipelineSource } from '../../family.js'
import { type Scheduler, type SchedulerOptions, schedulerOf } from '../../scheduler.js'

/** What the folder's scheduler says. */
export const schedulerConfig = async ({ files, folder }: PipelineSource): Promise<ConfigReader> =>
  await readConfig(files, files.join(folder.path, 'scheduler', 'scheduler_config.json'))

/**
 * The folder's scheduler. The transformer tells a flow's velocity: a scheduler of noise predictions would make something else
 * of it, and is refused.
 */
export async function flowScheduler(source: PipelineSource, call: SchedulerOptions): Promise<Scheduler> {
  const config = await schedulerConfig(source)
  // Others may not take what a flow's are called with: what they predict is asked first.
  const { prediction } = schedulerOf(config)
  if (prediction === 'velocity' || prediction === 'velocity-to-image') return schedulerOf(config, call)
  const remedy = "Use the folder's own scheduler, FlowMatchEulerDiscreteScheduler."
  throw expected(
    'unsupported',
    'a scheduler of flows',
    `\`${config.file}\``,
    `one of the prediction \`${prediction}\``,
    remedy,
  )
}

/** A shift that is dynamic follows from the tokens of the latent. */
export const movedBySize = ({ dynamic, schedule }: Scheduler, tokens: number): Schedule =>
  dynamic ? dynamic.schedule(dynamic.mu(tokens)) : schedule

/** Says what is missing before anything is opened. */
export function checkParts(
  { path, has, partNames }: CheckpointFolder,
  parts: readonly string[],
  remedy = 'Fetch the complete model folder.',
): void {
  for (const part of parts) {
    if (has(part)) continue
    throw expected('bad-model', `a ${part}`, `\`${path}\``, partNames.join(', ') || 'no parts', remedy)
  }
}

/** A part with its configuration and weights; throws `unsupported` for an ONNX file. */
export async function networkPart(
  folder: CheckpointFolder,
  name: string,
  classNames: readonly string[],
): Promise<NetworkPart> {
  const part = await folder.part(name, classNames)
  if (part.kind === 'network') return part
  const remedy = 'Use the folder as diffusers saves it.'
  throw expected('unsupported', `${classNames.join(' or ')} with its weights`, `\`${part.folder}\``, 'ONNX', remedy)
}

/** Throws `bad-model` where two parts tell different sizes. */
export function checkSame(path: string, what: string, wanted: number, got: number): void {
  if (wanted === got) return
  const remedy = 'Its parts do not belong together; fetch the model folder again.'
  throw expected('bad-model', `${what} (${wanted})`, `\`${path}\``, `${got}`, remedy)
}
