/** `npm run train:scene-reader -- --help`: trains the bundled scene reader, exports a run, or evaluates a reader. */
import { parseArgs } from 'node:util'
import { autoencoderOf, openAutoencoder, openAutoencoderNetworks } from 'undiffuse'
import { bundledFile, nodeFiles, ortNode } from 'undiffuse/node'
import { evaluateReader, throughAutoencoder } from './evaluate.js'
import { openSceneReader } from './reader.js'
import { exportReader, trainReader } from './train.js'

const help = `Trains the scene reader, which tells from a picture what its caption should be; a run that was stopped goes on.

  npm run train:scene-reader -- --folder runs/scene-reader
  npm run train:scene-reader -- --folder runs/scene-reader --export models/undiffuse-scene-reader
  npm run train:scene-reader -- --evaluate models/undiffuse-scene-reader

  --folder <path>       checkpoint and log                                (runs/scene-reader)
  --steps <n>           steps of the whole run                            (3900)
  --until <n>           stop after this step, to go on another time
  --autoencoder <path>  whose pictures it is to know and is evaluated on  (the bundled one)
  --export <path>       write the averaged weights of the run as a folder instead of training
  --evaluate <path>     accuracy of a folder on held-out scenes, as JSON, instead of training
  --count <n>           scenes to evaluate on                             (1000)
`

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'runs/scene-reader' },
    steps: { type: 'string', default: '3900' },
    until: { type: 'string' },
    autoencoder: { type: 'string', default: bundledFile('models', 'undiffuse-scenes') },
    export: { type: 'string' },
    evaluate: { type: 'string' },
    count: { type: 'string', default: '1000' },
    help: { type: 'boolean', default: false },
  },
})

async function evaluate(folder: string, count: number): Promise<unknown> {
  const runtime = ortNode()
  try {
    const reader = await openSceneReader(runtime, folder)
    const networks = await openAutoencoderNetworks(nodeFiles, values.autoencoder)
    const autoencoder = autoencoderOf(openAutoencoder(networks, runtime))
    const rendered = await evaluateReader(reader, count)
    return { count, rendered, decoded: await evaluateReader(reader, count, throughAutoencoder(autoencoder)) }
  } finally {
    await runtime.close()
  }
}

if (values.help) console.log(help)
else if (values.export !== undefined) await exportReader(values.folder, values.export)
else if (values.evaluate !== undefined) {
  console.log(JSON.stringify(await evaluate(values.evaluate, Number(values.count)), undefined, 2))
} else {
  const { folder, autoencoder, steps } = values
  const options = { folder, autoencoder, steps: Number(steps), saveEvery: 200, evaluateEvery: 400 }
  await trainReader(values.until === undefined ? options : { ...options, until: Number(values.until) }, console.log)
}
