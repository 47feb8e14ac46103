/** `npm run train:scene-reader -- --help`: trains the bundled scene reader, or evaluates it. */
import { parseArgs } from 'node:util'
import { openAutoencoder, openAutoencoderNetworks } from 'undiffuse'
import { bundledFile, nodeFiles, ortNode } from 'undiffuse/node'
import { evaluateReader, throughAutoencoder } from './evaluate.js'
import { openSceneReader } from './reader.js'
import { trainReader } from './train.js'

const help = `Trains the scene reader, which tells from a picture what its caption should be, in about 10 minutes on 2 cores.

  npm run train:scene-reader -- --folder runs/scene-reader
  npm run train:scene-reader -- --evaluate models/undiffuse-scene-reader

  --folder <path>       where the trained reader is written               (runs/scene-reader)
  --steps <n>           steps of the run                                  (1500)
  --autoencoder <path>  whose pictures it is to know and is evaluated on  (the bundled one)
  --evaluate <path>     accuracy on held-out scenes, as JSON, instead of training
  --count <n>           scenes to evaluate on                             (1000)
`

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'runs/scene-reader' },
    steps: { type: 'string', default: '1500' },
    autoencoder: { type: 'string', default: bundledFile('models', 'undiffuse-scenes') },
    evaluate: { type: 'string' },
    count: { type: 'string', default: '1000' },
    help: { type: 'boolean', default: false },
  },
})

async function evaluate(folder: string, count: number): Promise<unknown> {
  const runtime = ortNode()
  try {
    const reader = await openSceneReader(runtime, folder)
    const autoencoder = openAutoencoder(await openAutoencoderNetworks(nodeFiles, values.autoencoder), runtime)
    const rendered = await evaluateReader(reader, count)
    return { count, rendered, decoded: await evaluateReader(reader, count, throughAutoencoder(autoencoder)) }
  } finally {
    await runtime.close()
  }
}

if (values.help) console.log(help)
else if (values.evaluate !== undefined) {
  console.log(JSON.stringify(await evaluate(values.evaluate, Number(values.count)), undefined, 2))
} else {
  const { folder, autoencoder, steps } = values
  await trainReader({ folder, autoencoder, steps: Number(steps) }, console.log)
}
