/** `npm run inflate -- --help`: the bundled text-to-image model as a folder of clips. */
import { parseArgs } from 'node:util'
import { inflateScenes } from './inflate.js'

const help = `Writes undiffuse-scenes as a model of clips in LaVie's layout. Nothing is trained: each frame is a picture of the prompt,
and frames do not move together. It is there to try marks and inversions of clips on weights that were trained.

  npm run inflate -- --folder out/scene-clips

  --folder <path>   a new folder                       (out/scene-clips)
  --frames <n>      of a clip where nothing is said    (4)
`

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'out/scene-clips' },
    frames: { type: 'string', default: '4' },
    help: { type: 'boolean', default: false },
  },
})

const frames = Number(values.frames)
if (values.help) console.log(help)
else if (!Number.isInteger(frames) || frames < 1) {
  console.error(`Expected a whole number of at least 1 for --frames, got ${values.frames}.`)
  process.exitCode = 2
} else {
  await inflateScenes(values.folder, frames)
  console.log(`wrote ${values.folder}: undiffuse-scenes, inflated`)
}
