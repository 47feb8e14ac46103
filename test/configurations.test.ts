/** Network configurations that nobody wrote are read, or refused by the name of a field. */
import { describe, expect, it } from 'vitest'
import { configOf } from '../src/checkpoints/config.js'
import { isUndiffuseError } from '../src/core/index.js'
import { pipelineShapes } from '../src/models/families/index.js'
import { autoencoderKlConfig } from '../src/nn/autoencoder-kl.js'
import { autoencoderTinyConfig } from '../src/nn/autoencoder-tiny.js'
import { clipTextConfig } from '../src/nn/clip-text.js'
import { fluxTransformerConfig } from '../src/nn/flux-transformer.js'
import type { ConfigReader } from '../src/nn/parameters.js'
import { qwenImageTransformerConfig } from '../src/nn/qwen-image-transformer.js'
import { sd3TransformerConfig } from '../src/nn/sd3-transformer.js'
import { t5EncoderConfig } from '../src/nn/t5-encoder.js'
import { unet2dConditionConfig } from '../src/nn/unet-2d-condition.js'
import { chance, oneOf } from './mutations/chance.js'
import { strangeValues } from './mutations/folders.js'

const { denoiser, vae, textEncoders } = pipelineShapes.tiny!
const flux = pipelineShapes['tiny-flux.1-dev']!
const flow = pipelineShapes['tiny-stable-diffusion-3']!

const readers: Readonly<
  Record<string, readonly [(config: ConfigReader) => unknown, Readonly<Record<string, unknown>>]>
> = {
  UNet2DConditionModel: [unet2dConditionConfig, denoiser.config],
  CLIPTextModel: [clipTextConfig, textEncoders[0]!.config],
  SD3Transformer2DModel: [sd3TransformerConfig, flow.denoiser.config],
  QwenImageTransformer2DModel: [qwenImageTransformerConfig, pipelineShapes['tiny-qwen-image']!.denoiser.config],
  FluxTransformer2DModel: [fluxTransformerConfig, flux.denoiser.config],
  T5EncoderModel: [t5EncoderConfig, flow.textEncoders[2]!.config],
  AutoencoderKL: [autoencoderKlConfig, vae],
  AutoencoderTiny: [
    autoencoderTinyConfig,
    {
      num_encoder_blocks: [1, 1],
      encoder_block_out_channels: [8, 8],
      num_decoder_blocks: [1, 1],
      decoder_block_out_channels: [8, 8],
    },
  ],
}

const count = Number(process.env.UNDIFFUSE_MUTATIONS ?? 300)

describe.each(Object.entries(readers))('%s', (name, [read, published]) => {
  it('reads its own', () => {
    expect(() => read(configOf('config.json', published))).not.toThrow()
  })

  it('refuses a field that it does not know, with its value', () => {
    const config = configOf('config.json', { ...published, gated: [1, 2] })
    const whole = () => {
      read(config)
      config.done()
    }
    expect(whole).toThrow(/`(gated|[a-z_]+)`/)
  })

  it(`${count} mutations`, () => {
    const below = chance(name.length)
    const fields = [...Object.keys(published), 'mid_block_type', 'latents_mean', 'architectures', 'unheard_of']
    for (let i = 0; i < count; i++) {
      const config: Record<string, unknown> = { ...published }
      const changed = [oneOf(fields, below), oneOf(fields, below)]
      for (const field of changed) config[field] = oneOf(strangeValues, below)
      try {
        read(configOf('config.json', config))
      } catch (error) {
        if (!isUndiffuseError(error)) throw error
        const names = [...changed, ...Object.keys(published)].some((field) => error.message.includes(field))
        expect(names, error.message).toBe(true)
      }
    }
  })
})

it.each([
  ['UNet2DConditionModel', 'flip_sin_to_cos'],
  ['UNet2DConditionModel', 'norm_eps'],
  ['UNet2DConditionModel', 'down_block_types'],
  ['CLIPTextModel', 'layer_norm_eps'],
  ['SD3Transformer2DModel', 'dual_attention_layers'],
  ['T5EncoderModel', 'layer_norm_epsilon'],
  ['AutoencoderKL', 'mid_block_add_attention'],
  ['AutoencoderTiny', 'latent_channels'],
])('%s: null is not the default of %s, as None is not in Python', (name, field) => {
  const [read, config] = readers[name]!
  expect(() => read(configOf('config.json', { ...config, [field]: null }))).toThrow(RegExp(`\`${field}\`.*null`))
})
