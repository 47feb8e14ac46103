// From a picture to its noise, and from the noise to the picture again: node invert.mjs <picture.png> "what it shows"
import { accelerated, ddim, invert, openDiffusionModel, reconstruct } from 'undiffuse'
import { bundledFile, nodeFiles, ortNode, readImage, writeImage } from 'undiffuse/node'

const [picture = bundledFile('examples', 'ball.png'), prompt = 'a large red ball on the left, on blue stripes'] =
  process.argv.slice(2)
const runtime = ortNode()
const model = await openDiffusionModel(nodeFiles, bundledFile('models', 'undiffuse-scenes'), runtime)
const how = { model, prompt, guidance: 3, solver: ddim({ steps: 20, spacing: 'lambda' }) }

const { image } = await readImage(picture)
const { noise, noiseExact, evaluations } = await invert({ image }, { ...how, decoder: accelerated() })
const { match, image: again } = await reconstruct(noise, { ...how, reference: { image } })
const equal = Math.round(100 * match.equalValues)
console.log(`noise exact ${noiseExact}, ${evaluations.denoises} evaluations; ${equal} % of the 8-bit values come back`)
await writeImage('again.png', again)
await runtime.close()
