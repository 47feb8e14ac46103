/** UNet2DConditionModel: the denoising network of Stable Diffusion 1, 2 and XL. */
import { fromStates, predict, unet2dConditionConfig, unetGraph } from '../../nn/unet-2d-condition.js'
import { fedPicture, fedStates, type NetworkClass } from './network-class.js'

export const unet2dCondition: NetworkClass = {
  classNames: ['UNet2DConditionModel'],
  role: 'unet',
  network(file, weights) {
    const config = unet2dConditionConfig(file)
    const added = config.additionEmbedType === undefined ? [] : ['text_embeds', 'time_ids']
    return {
      inputs: ['sample', 'timestep', 'encoder_hidden_states', ...added],
      graph(shapes) {
        const { batch, height, width } = fedPicture(shapes, 'sample')
        const { tokens } = fedStates(shapes, 'encoder_hidden_states')
        return unetGraph(config, weights, { batch, height, width, tokens })
      },
    }
  },
  declare(b, parameters, file) {
    const config = unet2dConditionConfig(file)
    const input = (name: string, ...shape: number[]) => b.input(name, 'float32', [1, ...shape])
    const states = input('encoder_hidden_states', 1, config.crossAttentionDim)
    predict(b, parameters, config, {
      sample: input('sample', config.inChannels, 1, 1),
      timestep: input('timestep'),
      text: fromStates(b, parameters, states),
      ...(config.additionEmbedType && {
        added: { textEmbeds: input('text_embeds', config.textEmbedWidth!), timeIds: input('time_ids', 6) },
      }),
    })
  },
}
