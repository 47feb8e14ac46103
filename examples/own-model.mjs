// A model of your own is what it answers. This one makes Gaussian pixels, without a network and without an autoencoder.
import { betas, ddim, doorOf, generate, invert, map, nmseDb, scaledLayout, variancePreserving } from 'undiffuse'

const [mean, variance] = [0.25, 0.04]

/** The estimate of x₀ ~ N(mean, variance) from x = alpha·x₀ + sigma·ε. */
const denoise = (x, { alpha, sigma }) => {
  const total = variance * alpha ** 2 + sigma ** 2
  return map(x, (value) => (variance * alpha * value + sigma ** 2 * mean) / total)
}

const solver = ddim({ steps: 20, spacing: 'lambda' })
const model = {
  ...doorOf('gaussian', {
    encode: async (images) => images,
    decode: async (latents) => latents,
    roundTrip: async (latents) => latents.map((latent) => ({ image: latent, latent })),
    denoise: async (asks) => asks.map(({ x, level }) => denoise(x, level)),
  }),
  name: 'gaussian',
  identity: async () => 'gaussian',
  layout: scaledLayout({ name: 'gaussian', imageChannels: 3, latentChannels: 3, downscaling: 1, side: 16 }),
  schedule: () => variancePreserving(betas('scaled-linear')),
  solver,
  guidance: 1,
  condition: async (text) => ({ text, values: {} }),
  close: async () => {},
}

const { latent, noise } = await generate({ model, prompt: 'grey', seed: 7 })
const found = await invert({ latent }, { model, prompt: 'grey' })
console.log(`${found.exact}; noise ${nmseDb(found.noise, noise).toFixed(0)} dB`)
