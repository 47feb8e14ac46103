// Changes what a picture shows and keeps the rest, bit for bit: node edit.mjs <picture.png> "what it shows" "what it should"
import { accelerated, ddim, edit, exactBlending, lockBackground, openDiffusionModel } from 'undiffuse'
import { bundledFile, nodeFiles, ortNode, readImage, writeImage } from 'undiffuse/node'

const [
  picture = bundledFile('examples', 'ball.png'),
  from = 'a large red ball on the left, on blue stripes',
  to = 'a large green ball on the left, on blue stripes',
] = process.argv.slice(2)
const runtime = ortNode()
const model = await openDiffusionModel(nodeFiles, bundledFile('models', 'undiffuse-scenes'), runtime)
const solver = ddim({ steps: 20, spacing: 'lambda' })

const { image } = await readImage(picture)
const method = exactBlending()
const edited = await edit({ image }, { model, from, to, guidance: 3, solver, method, decoder: accelerated() })
if (!edited.mask) throw new Error('Found nothing to change: pass a mask.')
await writeImage('edited.png', lockBackground(edited.image, edited.source, edited.mask))
console.log(`${edited.exact}; before the lock the background had ${edited.background?.psnrDb.toFixed(1)} dB`)
await runtime.close()
