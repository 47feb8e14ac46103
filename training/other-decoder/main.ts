/** `npm run train:other-decoder -- --help`: trains another decoder for the bundled encoder, or exports a run. */
import { parseArgs } from 'node:util'
import { exportModel } from './export.js'
import { recipe } from './recipe.js'
import { train } from './train.js'

const help = `Trains a decoder from scratch behind the bundled encoder, which stays as it is; a run that was stopped goes on.
Tests of decoder inversion use it: nothing made its encoder the inverse of its decoder.

  npm run train:other-decoder -- --folder runs/other-decoder --steps 3000
  npm run train:other-decoder -- --folder runs/other-decoder --export test/models/other-decoder

  --folder <path>   checkpoint, log and sample sheet            (runs/other-decoder)
  --steps <n>       steps of the whole run                      (3000)
  --until <n>       stop after this step, to go on another time
  --threads <n>     threads of the network's runs               (the number of cores)
  --export <path>   write the encoder and the averaged decoder as a diffusers folder instead of training
`

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'runs/other-decoder' },
    steps: { type: 'string', default: '3000' },
    until: { type: 'string' },
    threads: { type: 'string' },
    export: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(help)
else if (values.export !== undefined) await exportModel(values.folder, values.export, console.log)
else {
  const options = {
    folder: values.folder,
    steps: Number(values.steps),
    saveEvery: 200,
    evaluateEvery: 500,
    ...(values.until === undefined ? {} : { until: Number(values.until) }),
    ...(values.threads === undefined ? {} : { threads: Number(values.threads) }),
  }
  await train(recipe, options, console.log)
}
