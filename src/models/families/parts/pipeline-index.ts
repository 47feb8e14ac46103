/** model_index.json: what a pipeline says beside its parts. */
import { configOf, readConfig } from '../../../checkpoints/config.js'
import { expected } from '../../../core/errors.js'
import type { ConfigReader } from '../../../nn/parameters.js'
import type { PipelineSource } from '../../family.js'

const fileName = 'model_index.json'

/**
 * The fields of model_index.json; none where the folder has no such file, or one without a class. `_guidance_scale` is ours:
 * diffusers passes names with _ over.
 */
export const pipelineIndex = async ({ files, folder }: PipelineSource): Promise<ConfigReader> =>
  folder.kind === 'pipeline' && folder.pipelineClass !== undefined
    ? await readConfig(files, files.join(folder.path, fileName))
    : configOf(files.join(folder.path, fileName), {})

/** Frames, height and width of a clip, in pixels. */
export type ClipExtent = readonly [frames: number, height: number, width: number]

/** The clips that a model makes where nothing is said: `_clip`, ours. Errors: `bad-model` unless these are three sizes. */
export function clipExtent(index: ConfigReader, usual: ClipExtent): ClipExtent {
  const found = index.integers('_clip', usual)
  if (found.length === 3 && found.every((length) => length > 0)) return found as unknown as ClipExtent
  const what = 'frames, height and width'
  throw expected('bad-model', what, `\`_clip\` in \`${index.file}\``, `[${found}]`, 'Leave it out for the usual clip.')
}
