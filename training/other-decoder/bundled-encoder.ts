/** The bundled autoencoder's encoder, which stays as it is. */
import { readTensors, type Tensor } from 'undiffuse'
import { bundledFile, nodeFiles } from 'undiffuse/node'

/** The tensors from the picture to the moments of the posterior, as the bundled file has them. */
export async function bundledEncoder(): Promise<ReadonlyMap<string, Tensor>> {
  const file = bundledFile('models', 'undiffuse-scenes', 'vae', 'diffusion_pytorch_model.safetensors')
  const tensors = await readTensors(nodeFiles, file)
  return new Map([...tensors].filter(([name]) => /^(encoder|quant_conv)\./.test(name)))
}
