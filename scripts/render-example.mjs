// Draws examples/scene.png again: a scene that training never sees. Run after a build: node scripts/render-example.mjs
import { tensor } from 'undiffuse'
import { bundledFile, writeImage } from 'undiffuse/node'
import { heldOutSeed } from '../dist/training/scenes/batch.js'
import { renderScene } from '../dist/training/scenes/render.js'
import { caption, describeScene } from '../dist/training/scenes/scene.js'

const size = 128
const [index = '17', path = bundledFile('examples', 'scene.png')] = process.argv.slice(2)
const scene = describeScene(heldOutSeed(Number(index)))
await writeImage(path, tensor([3, size, size], renderScene(scene, { size }).image.data))
console.log(`${path}: ${caption(scene)}`)
