// Memory and seconds of published shapes with random weights, part by part, on a device. Run after a build:
//
//   node scripts/full-size.mjs --device cuda --size 512 --weights 16,8,4 flux.2-klein-4b z-image-turbo
//
// Each part runs in a process of its own, so that its peak is its own. Folders are made below --folder where they are missing,
// in bfloat16 (20 GB for Z-Image), and stay there. Prints a line of JSON for each part.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { latentShapeAt, openDiffusionModel, torchNoise } from 'undiffuse'
import { makePipeline, nodeFiles, ortNode } from 'undiffuse/node'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: 'string', default: 'cpu' },
    size: { type: 'string', default: '512' },
    weights: { type: 'string', default: '16' },
    threads: { type: 'string' },
    frames: { type: 'string' },
    layers: { type: 'string' },
    repeats: { type: 'string', default: '2' },
    'memory-limit': { type: 'string' },
    folder: { type: 'string', default: 'out/full-size' },
  },
})
const { device, threads, frames, layers, repeats } = values
const side = Number(values.size)
const size = { height: side, width: side, ...(frames && { frames: Number(frames) }) }
const limit = values['memory-limit']

/** What `act` gives, in a process of its own, and what that took. */
async function measured(folder, bits, act) {
  const runtime = ortNode({
    device,
    ...(threads && { threads: Number(threads) }),
    ...(limit && { memoryLimit: Number(limit) * 2 ** 30 }),
  })
  try {
    const options = { profile: 'none', ...(bits !== 16 && { weights: bits }) }
    const model = await openDiffusionModel(nodeFiles, folder, runtime, options)
    const seconds = []
    const timed = async (work) => {
      const start = performance.now()
      const result = await work()
      seconds.push((performance.now() - start) / 1000)
      return result
    }
    const result = await act(model, timed)
    await model.close()
    const { networkSeconds, peakMemoryBytes } = await runtime.usage()
    return { result, seconds, networkSeconds, peakMemoryBytes }
  } finally {
    await runtime.close()
  }
}

for (const shape of positionals) {
  const folder = join(values.folder, layers ? `${shape}-${layers}` : shape)
  const isThere = await access(join(folder, 'model_index.json')).then(
    () => true,
    () => false,
  )
  if (!isThere) await makePipeline(folder, shape, { dtype: 'bfloat16', ...(layers && { layers: Number(layers) }) })
  for (const bits of values.weights.split(',').map(Number)) {
    const print = (part, { result: _, ...figures }) =>
      console.log(JSON.stringify({ shape, weightBits: bits, device, sidePixels: side, part, ...figures }))
    const text = await measured(folder, bits, (model, timed) => timed(() => model.condition('a red boat on a lake')))
    print('text encoders', text)
    // The first evaluation opens the network, and with 8 or 4 bits makes its blocks.
    const noise = (model) => torchNoise(0, latentShapeAt(model, size))
    const denoiser = await measured(folder, bits, async (model, timed) => {
      const x = noise(model)
      const asks = [{ x, level: model.schedule(x.shape).level(600), condition: text.result }]
      for (let i = 0; i < Number(repeats); i++) await timed(() => model.ask('denoise', asks))
    })
    print('denoiser', denoiser)
    print('decoder', await measured(folder, bits, (model, timed) => timed(() => model.ask('decode', [noise(model)]))))
  }
}
