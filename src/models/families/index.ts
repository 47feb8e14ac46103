/** The families of models, written out. A new one is a file beside this and a line in it. */
import type { CheckpointFolder } from '../../checkpoints/folder.js'
import { shownClass } from '../../checkpoints/json.js'
import { expected } from '../../core/errors.js'
import type { Family } from '../family.js'
import type { ConfigFields, PipelineShape } from '../random/published-configs.js'
import { clipFlow } from './clip-flow.js'
import { flux1 } from './flux-1.js'
import { flux2Klein } from './flux-2-klein.js'
import { instaFlow } from './instaflow.js'
import { laVie } from './lavie.js'
import { qwenImage } from './qwen-image.js'
import { stableDiffusion } from './stable-diffusion.js'
import { stableDiffusion3 } from './stable-diffusion-3.js'
import { stableDiffusionXl } from './stable-diffusion-xl.js'
import { wan } from './wan.js'
import { zImage } from './z-image.js'

export const families: readonly Family[] = [
  stableDiffusion,
  stableDiffusionXl,
  stableDiffusion3,
  zImage,
  flux2Klein,
  flux1,
  qwenImage,
  wan,
  instaFlow,
  laVie,
  clipFlow,
]

/** The family of this id; throws `bad-option`, naming those that there are. */
function familyNamed(id: string): Family {
  const found = families.find((family) => family.id === id)
  if (found) return found
  const known = families.map((family) => family.id).join(', ')
  throw expected('bad-option', `one of ${known}`, 'the family of a model', `\`${id}\``, 'Name one of these.')
}

/**
 * The family of a folder: the one that is named, or that of its class, or by its parts where no class is named. Throws
 * `unsupported` for others.
 */
export function familyOf({ path, pipelineClass, partNames, ...folder }: CheckpointFolder, named?: string): Family {
  if (named !== undefined) return familyNamed(named)
  const found =
    pipelineClass === undefined
      ? families.find((family) => family.isLike({ path, partNames, ...folder }))
      : families.find(({ pipelineClasses }) => pipelineClasses.includes(pipelineClass))
  if (found) return found
  if (pipelineClass === undefined) {
    const got = partNames.join(', ') || 'no parts'
    const [what, remedy] = partNames.includes('transformer')
      ? ['a model_index.json, which names the class of its pipeline,', 'Fetch that file too, or name the family.']
      : ['a unet and text encoders', 'Pass a text-to-image pipeline.']
    throw expected('bad-model', what!, `\`${path}\``, got, remedy!)
  }
  const known = families.map(({ pipelineClasses }) => pipelineClasses[0]).join(', ')
  const remedy = 'Pipelines of other classes mean something else by the same parts.'
  const place = `\`_class_name\` of \`${path}\``
  throw expected('unsupported', `a pipeline of a class such as ${known}`, place, shownClass(pipelineClass), remedy)
}

/** The configurations that random weights are made for, of all families. */
export const pipelineShapes: Readonly<Record<string, PipelineShape>> = Object.assign(
  {},
  ...families.map(({ shapes }) => shapes),
)

/** Shapes of miniatures, which nobody published, begin so. */
const tiny = 'tiny'

/** config.json of published autoencoders. */
export const autoencoderShapes: Readonly<Record<string, ConfigFields>> = Object.fromEntries(
  Object.entries(pipelineShapes)
    .filter(([id]) => !id.startsWith(tiny))
    .map(([id, { vae }]) => [id, vae]),
)
