/** UNet3DConditionModel of LaVie: the denoising network of its clips. */
import { fromStates } from '../../nn/unet-2d-condition.js'
import { clipUnetGraph, predictClips, unet3dConditionConfig } from '../../nn/unet-3d-condition.js'
import { fedClip, fedStates, type NetworkClass } from './network-class.js'

export const unet3dCondition: NetworkClass = {
  classNames: ['UNet3DConditionModel'],
  role: 'unet',
  network(file, weights) {
    const config = unet3dConditionConfig(file)
    return {
      inputs: ['sample', 'timestep', 'encoder_hidden_states'],
      graph(shapes) {
        const { batch, frames, height, width } = fedClip(shapes, 'sample')
        const { tokens } = fedStates(shapes, 'encoder_hidden_states')
        return clipUnetGraph(config, weights, { batch, frames, height, width, tokens })
      },
    }
  },
  declare(b, parameters, file) {
    const config = unet3dConditionConfig(file)
    const input = (name: string, ...shape: number[]) => b.input(name, 'float32', [1, ...shape])
    const states = input('encoder_hidden_states', 1, config.crossAttentionDim)
    predictClips(b, parameters, config, {
      sample: input('sample', config.inChannels, 1, 1, 1),
      timestep: input('timestep'),
      text: fromStates(b, parameters, states),
    })
  },
}
