/** The networks of an autoencoder from a diffusers folder: config.json and safetensors, which stay where they are. */
import type { Part } from '../../checkpoints/folder.js'
import { expected } from '../../core/errors.js'
import { autoencoderClasses } from '../classes/index.js'
import { checkComplete } from '../complete.js'
import { type AutoencoderNetworks, networksOf } from './networks.js'

/** The names that an autoencoder's tensors have; a file may hold those of its training beside them. */
const isOwn = (name: string) => /^(encoder|decoder|quant_conv|post_quant_conv)\./.test(name)

/** The classes that `autoencoderNetworks` builds. */
export const autoencoderClassNames: readonly string[] = autoencoderClasses.flatMap(({ classNames }) => classNames)

/**
 * Builds the networks of a folder's part by its class.
 *
 * Throws `bad-model` for another class and for weights that do not fit the configuration; `unsupported` for a part that
 * is an ONNX file.
 */
export async function autoencoderNetworks(part: Part, name: string): Promise<AutoencoderNetworks> {
  if (part.kind === 'onnx') {
    throw expected(
      'unsupported',
      'config.json and weights, or vae_encoder/model.onnx with vae_decoder/model.onnx,',
      `\`${name}\``,
      `\`${part.file}\``,
      'Export encoder and decoder as two files.',
    )
  }
  const found = autoencoderClasses.find(({ classNames }) => classNames.includes(part.className))
  if (!found) {
    throw expected(
      'bad-model',
      autoencoderClassNames.join(' or '),
      `_class_name in \`${part.folder}\``,
      part.className,
      'Name the folder of an autoencoder, or of a pipeline that has one in `vae`.',
    )
  }
  const weights = await part.openWeights()
  const definition = found.autoencoder.definition(part.config, weights)
  const { raw, downscaling: side, unused, smallest = { batch: 1, height: side, width: side } } = definition
  const isRead = (name: string) => isOwn(name) && !unused?.test(name)
  checkComplete(part.folder, weights, [raw.encoder(smallest), raw.decoder(smallest)], isRead)
  return networksOf({ name, ...definition })
}
