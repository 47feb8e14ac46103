/** `npm run train:autoencoder -- --help`: trains the bundled autoencoder, or exports a run as a diffusers folder. */
import { parseArgs } from 'node:util'
import { ortNode } from 'undiffuse/node'
import { evaluateFolder } from './evaluate.js'
import { exportModel } from './export.js'
import { recipe } from './recipe.js'
import { train } from './train.js'

const help = `Trains the bundled autoencoder on rendered scenes and procedural pictures; a run that was stopped goes on.

  npm run train:autoencoder -- --folder runs/autoencoder --steps 12000
  npm run train:autoencoder -- --folder runs/autoencoder --export models/undiffuse-scenes

  --folder <path>   checkpoint, log and sample sheet            (runs/autoencoder)
  --steps <n>       steps of the whole run                      (12000)
  --until <n>       stop after this step, to go on another time
  --export <path>   write the averaged weights of the run as a diffusers folder instead of training
  --evaluate <path> PSNR of a model folder on unseen scenes, as JSON, instead of training
  --count <n>       scenes to evaluate on                       (500)
  --sheet <file>    with --evaluate: a sheet of the first eight as PNG
`

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'runs/autoencoder' },
    steps: { type: 'string', default: '12000' },
    until: { type: 'string' },
    export: { type: 'string' },
    evaluate: { type: 'string' },
    count: { type: 'string', default: '500' },
    sheet: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(help)
else if (values.export !== undefined) await exportModel(values.folder, values.export, console.log)
else if (values.evaluate !== undefined) {
  const runtime = ortNode()
  const count = Number(values.count)
  const options = values.sheet === undefined ? { count } : { count, sheet: values.sheet }
  console.log(JSON.stringify({ count, ...(await evaluateFolder(runtime, values.evaluate, options)) }, undefined, 2))
  await runtime.close()
} else {
  const options = { folder: values.folder, steps: Number(values.steps), saveEvery: 200, evaluateEvery: 1000 }
  await train(recipe, values.until === undefined ? options : { ...options, until: Number(values.until) }, console.log)
}
