/** model_index.json: what a pipeline says beside its parts. */
import { configOf, readConfig } from '../../../checkpoints/config.js'
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
