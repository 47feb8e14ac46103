/** What an autoencoder makes of scenes it has never seen: PSNR of D(E(x)) at 128 × 128, and a sheet to look at. */
import { autoencoderKl, builder, map, psnrDb, type Runtime, round8, type Tensor, tensor } from 'undiffuse'
import { encodePng, writeFileAtomically } from 'undiffuse/node'
import { heldOutSeed } from '../scenes/batch.js'
import { renderScene } from '../scenes/render.js'
import { describeScene } from '../scenes/scene.js'
import { autoencoder } from './recipe.js'

const size = 128
const sheetColumns = 8

/** Round trip through the encoder's mean, with the weights held in the graph. */
export async function evaluate(
  runtime: Runtime,
  weights: ReadonlyMap<string, Tensor>,
  { count, sheet }: { count: number; sheet?: string },
): Promise<{ psnrDb: number; latentVariance: number }> {
  const b = builder()
  const parameters = { has: (name: string) => weights.has(name), value: (name: string) => values.get(name)! }
  const values = new Map([...weights].map(([name, { shape, data }]) => [name, b.constant('float32', shape, [...data])]))
  const image = b.input('image', 'float32', [1, 3, size, size])
  const { mean } = autoencoderKl.encode(b, parameters, autoencoder, image)
  b.output(mean, 'mean')
  b.output(autoencoderKl.decode(b, parameters, autoencoder, mean), 'decoded')
  const session = await runtime.open(b.finish('autoencoder evaluation'))
  const pictures: Tensor[] = []
  let total = 0
  let squares = 0
  let entries = 0
  for (let i = 0; i < count; i++) {
    const { image: scene } = renderScene(describeScene(heldOutSeed(i)), { size })
    const x = round8(tensor([3, size, size], scene.data))
    const results = await session.run({ image: { shape: [1, 3, size, size], data: x.data } })
    const decoded = round8({ shape: x.shape, data: results.decoded!.data })
    total += psnrDb(x, decoded)
    for (const value of results.mean!.data) squares += value ** 2
    entries += results.mean!.data.length
    if (i < sheetColumns) pictures.push(x, decoded)
  }
  await session.close()
  if (sheet) await writeFileAtomically(sheet, await encodePng(tile(pictures)))
  return { psnrDb: total / count, latentVariance: squares / entries }
}

/** Pictures of one size in two rows: above the original, below what came back. */
function tile(pictures: readonly Tensor[]): Tensor {
  const columns = pictures.length / 2
  const width = columns * size
  const sheet = map({ shape: [3, 2 * size, width], data: new Float64Array(6 * size * width) }, () => 1)
  pictures.forEach(({ data }, n) => {
    const left = Math.floor(n / 2) * size
    const top = (n % 2) * size
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < size; y++) {
        const from = (c * size + y) * size
        sheet.data.set(data.subarray(from, from + size), (c * 2 * size + top + y) * width + left)
      }
    }
  })
  return sheet
}
