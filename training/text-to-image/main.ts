/** `npm run train:text-to-image -- --help`: trains the bundled text-to-image model, or exports a run. */
import { parseArgs } from 'node:util'
import { exportModel } from './export.js'
import { recipe, refinement } from './recipe.js'
import { train } from './train.js'

const help = `Trains the bundled text-to-image model on rendered scenes and their captions; a run that was stopped goes on.

  npm run train:text-to-image -- --folder runs/text-to-image --steps 6000
  npm run train:text-to-image -- --folder runs/text-to-image --export models/undiffuse-scenes

  --folder <path>   latents, checkpoint and log                 (runs/text-to-image)
  --steps <n>       steps of the whole run                      (6000)
  --from <path>     refine this model instead of starting from fresh weights; with --export: that was done
  --until <n>       stop after this step, to go on another time
  --export <path>   write the averaged weights of the run beside the autoencoder there, instead of training
`

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'runs/text-to-image' },
    steps: { type: 'string', default: '6000' },
    from: { type: 'string' },
    until: { type: 'string' },
    export: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(help)
else if (values.export !== undefined) {
  const stage = values.from === undefined ? 'training' : 'refinement'
  await exportModel(values.folder, values.export, stage, console.log)
} else {
  const { folder, from, until } = values
  const options = { folder, steps: Number(values.steps), saveEvery: 50, evaluateEvery: 100 }
  const start = from === undefined ? {} : { from }
  await train(
    from === undefined ? recipe : refinement,
    { ...options, ...start, ...(until === undefined ? {} : { until: Number(until) }) },
    console.log,
  )
}
