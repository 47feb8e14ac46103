/** `npm run train:flow -- --help`: trains the bundled flow, or exports a run. */
import { parseArgs } from 'node:util'
import { exportModel } from './export.js'
import { recipe } from './recipe.js'
import { train } from './train.js'

const help = `Trains the bundled flow on rendered scenes and their captions; a run that was stopped goes on.

  npm run train:flow -- --folder runs/flow --steps 6000
  npm run train:flow -- --folder runs/flow --export models/undiffuse-scenes-flow

  --folder <path>   latents, checkpoint and log                 (runs/flow)
  --steps <n>       steps of the whole run                      (6000)
  --until <n>       stop after this step, to go on another time
  --threads <n>     threads of the network's runs               (the number of cores)
  --export <path>   write the averaged weights of the run as a model's folder, instead of training
`

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'runs/flow' },
    steps: { type: 'string', default: '6000' },
    until: { type: 'string' },
    threads: { type: 'string' },
    export: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(help)
else if (values.export !== undefined) await exportModel(values.folder, values.export, console.log)
else {
  const { folder, steps, until, threads } = values
  const options = { folder, steps: Number(steps), saveEvery: 100, evaluateEvery: 200 }
  await train(
    recipe,
    {
      ...options,
      ...(until !== undefined && { until: Number(until) }),
      ...(threads !== undefined && { threads: Number(threads) }),
    },
    console.log,
  )
}
