/** UNet3DConditionModel of LaVie: the denoising network of its clips. */
import { fromStates } from '../../nn/unet-2d-condition.js'
import { clipUnetGraph, predictClips, unet3dConditionConfig } from '../../nn/unet-3d-condition.js'
import { fedShape, type NetworkClass } from './network-class.js'

export const unet3dCondition: NetworkClass = {
  classNames: ['UNet3DConditionModel'],
  role: 'unet',
  network(file, weights) {
    const config = unet3dConditionConfig(file)
    return {
      inputs: ['sample', 'timestep', 'encoder_hidden_states'],
      graph(shapes) {
        const sample = fedShape(shapes, 'sample', ['batch', 'channels', 'frames', 'height', 'width'])
        const states = fedShape(shapes, 'encoder_hidden_states', ['batch', 'tokens', 'channels'])
        const [batch, , frames, height, width] = sample as [number, number, number, number, number]
        return clipUnetGraph(config, weights, { batch, frames, height, width, tokens: states[1]! })
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
