// Which pictures of a folder carry a mark? node detect-folder.mjs <key.json> <folder>
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ddim, isUndiffuseError, openDiffusionModel } from 'undiffuse'
import { bundledFile, nodeFiles, ortNode, readImage } from 'undiffuse/node'
import { detectAll, readKey } from 'undiffuse/watermark'

const [keyFile = 'key.json', folder = 'pictures'] = process.argv.slice(2)
const [keyText, names] = await Promise.all([readFile(keyFile, 'utf8'), readdir(folder)]).catch(({ message }) => {
  console.error(`${message}. Say which: node detect-folder.mjs <key.json> <folder of pictures>`)
  process.exit(2)
})
const runtime = ortNode()
const model = await openDiffusionModel(nodeFiles, bundledFile('models', 'undiffuse-scenes'), runtime)
const key = readKey(keyText, keyFile)
// Without the prompt a picture is read in 50 steps, whatever made it.
const solver = ddim({ steps: 50, spacing: 'lambda' })
const how = { model, solver, keys: [{ key }], falsePositiveRate: 1e-6 }

for (const name of names) {
  try {
    const { image } = await readImage(join(folder, name))
    const [detection] = await detectAll([{ image }], how)
    console.log(name, detection?.findings[0]?.verdict, detection?.findings[0]?.familyPValue)
  } catch (error) {
    if (!isUndiffuseError(error)) throw error
    console.log(name, 'not read:', error.message)
  }
}
await runtime.close()
