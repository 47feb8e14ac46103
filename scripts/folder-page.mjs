/**
 * docs/folders.md, from the readers' own lists: which folders open, which classes their parts may be of, and for each class
 * what is obeyed, harmless and refused. `node scripts/folder-page.mjs` writes it (the project must be built); a test holds it
 * to the sources. Families, classes and fields come from the tables of src/models: nothing is listed here.
 */
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
export const page = join(root, 'docs', 'folders.md')

const cell = (text) => `${text}`.replaceAll('|', '\\|')
const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`)
const code = (text) => `\`${text}\``

const introduction = `# Which folders open

Written from the readers' own lists by \`scripts/folder-page.mjs\`.

\`--model FOLDER\`, and \`openDiffusionModel\` in code, take a folder as diffusers and transformers save it, of any version. Nothing
is converted, and weights stay in their files.

| what lies there | opens as |
| --- | --- |
| \`model_index.json\` and a folder for each part | a pipeline of a family below |
| the same folders without \`model_index.json\` | the family that has these parts |
| \`config.json\` beside \`.safetensors\` | one network: an autoencoder for \`invert --to latent\`, any for \`run\` |
| \`vae_encoder/model.onnx\` and \`vae_decoder/model.onnx\`, or both files in one folder | an autoencoder ([ONNX files](onnx.md)) |
| a pipeline whose parts are \`model.onnx\`, as Optimum exports them | a pipeline of the same family |
| one \`.onnx\` file | one network, for \`run\` |

Not opened: one file with all weights (\`.ckpt\`, \`.safetensors\`) and pickle files (\`.bin\`, \`.pt\`). diffusers converts them:
\`StableDiffusionPipeline.from_single_file('FILE').save_pretrained('FOLDER')\`.

Weights are \`.safetensors\` of 16, 32 or 64 bits: one file or shards with their index; the \`fp16\` variant, or any single one, where
there is no plain one. 8-bit floats are refused. So are tensors of a network's own names that its configuration does not read.
A git-lfs pointer and a web page in place of a file are said to be that. A link that leads out of the folder is refused, but for the
blobs of a hub's cache.

A \`.gguf\` file may stand for the weights of a transformer: it lies in the folder \`transformer\`, beside config.json and in place of
the \`.safetensors\`. Which classes have that is said below; which numbers are read, in [large models](large-models.md).

Configurations are closed. A field is obeyed, or it is known to be harmless for a reason that stands below. Any other is refused with its
name and value: take it out if you know that it does not matter. An absent field has the default of its class, and null is refused
where the class has no null. What a part is says its own configuration, not the class in \`model_index.json\`.`

const shownDefault = (value) =>
  value === undefined ? '–' : code(Array.isArray(value) ? JSON.stringify(value) : `${value}`)

/** Parts as a pipeline's folders: from the configurations that the family publishes. */
function partsOf({ shapes }) {
  const found = new Map()
  const add = (name, config) => {
    const classes = found.get(name) ?? new Set()
    for (const each of [config._class_name, ...(config.architectures ?? [])]) if (each) classes.add(each)
    found.set(name, classes)
  }
  for (const { vae, denoiser, textEncoders, scheduler } of Object.values(shapes)) {
    add('vae', vae)
    add(denoiser.name, denoiser.config)
    textEncoders.forEach(({ config }, i) => {
      add(`text_encoder${i === 0 ? '' : `_${i + 1}`}`, config)
    })
    add('scheduler', scheduler)
  }
  return found
}

function familySection(family) {
  const parts = [...partsOf(family)].map(([name, classes]) => {
    const listed = [...classes].map(code).join(', ')
    return name === 'scheduler' ? [code(name), `${listed}, and [the others](schedulers.md)`] : [code(name), listed]
  })
  const tokenizers = parts.flatMap(([name, classes]) =>
    name.startsWith('`text_encoder')
      ? [
          [
            name.replace('text_encoder', 'tokenizer'),
            classes.includes('CLIP')
              ? 'CLIP, [see below](#tokenizers)'
              : 'that of the text encoder, from `tokenizer.json`',
          ],
        ]
      : [],
  )
  return [
    '',
    `### ${family.title}`,
    '',
    `Classes of pipelines: ${family.pipelineClasses.map(code).join(', ')}. By name: \`--family ${family.id}\`.`,
    '',
    ...table(['part', 'class, as published'], [...parts, ...tokenizers]),
  ]
}

const harmlessTable = (harmless) =>
  table(
    ['harmless', 'why'],
    Object.entries(harmless).map(([field, why]) => [code(field), why]),
  )

function classSection({ name, role, readsGguf, obeyed, fixed, harmless }) {
  return [
    '',
    `### ${name}`,
    '',
    ...(role ? [`Its folder is \`${role}\`, or \`${role}_2\` and so on where a pipeline has several.`, ''] : []),
    ...(readsGguf ? ['Its weights may be a `.gguf` file with the names of the first publication.', ''] : []),
    ...table(
      ['obeyed', 'default', 'values'],
      obeyed.map((field) => [code(field.name), shownDefault(field.default), field.values]),
    ),
    '',
    ...(fixed.length > 0
      ? [
          ...table(
            ['one value alone', 'all others are refused'],
            fixed.map(({ name: field, values }) => [code(field), code(values)]),
          ),
          '',
        ]
      : []),
    ...(Object.keys(harmless).length > 0 ? harmlessTable(harmless) : ['No field of its own is harmless.']),
  ]
}

/** The page. `reference` is what src/models says of itself. */
export function folderPage({ families, networks, pipeline, everywhere, tokenizers, schedulers }) {
  return [
    introduction,
    '',
    '## Families',
    ...families.flatMap(familySection),
    '',
    '## Every configuration',
    '',
    ...harmlessTable(everywhere),
    '',
    '## Networks',
    ...networks.flatMap(classSection),
    '',
    '## The pipeline itself',
    ...classSection(pipeline),
    '',
    '## Tokenizers',
    '',
    `CLIP's, from \`tokenizer.json\`, or \`vocab.json\` with \`merges.txt\`. As in transformers, \`special_tokens_map.json\` and
\`added_tokens.json\` count where \`tokenizer_config.json\` lists no \`added_tokens_decoder\`. There a token of \`special_tokens_map.json\`
wins over that of \`tokenizer_config.json\`. Steps of \`tokenizer.json\`
that are not CLIP's are refused by name.`,
    '',
    ...table(
      ['obeyed in `tokenizer_config.json`', 'what it says'],
      Object.entries(tokenizers.obeyed).map(([field, what]) => [code(field), what]),
    ),
    '',
    ...harmlessTable({ ...tokenizers.harmless, ...tokenizers.wholeHarmless }),
    '',
    '## Schedulers',
    '',
    `Each with its fields, values and defaults on [a page of their own](schedulers.md). Reproduced: ${schedulers.readClasses
      .map(({ name }) => code(name))
      .join(', ')}. Read, so that another solver samples with their tables: ${Object.keys(schedulers.unreadReasons)
      .map(code)
      .join(', ')}.`,
    '',
  ].join('\n')
}

/** What the page is made of, from modules that `load` finds by their path below src. */
export async function folderReference(load) {
  const { families } = await load('models/families/index.js')
  const { networkReference, pipelineReference } = await load('models/network-reference.js')
  const { everywhereHarmless: everywhere } = await load('checkpoints/config.js')
  const { configObeyed, configHarmless } = await load('models/text/tokenizer.js')
  const { wholeHarmless } = await load('models/text/byte-pair-files.js')
  const { schedulerReference: schedulers } = await load('models/scheduler.js')
  const tokenizers = { obeyed: configObeyed, harmless: configHarmless, wholeHarmless }
  return { families, networks: networkReference(), pipeline: pipelineReference(), everywhere, tokenizers, schedulers }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const load = (path) => import(pathToFileURL(join(root, 'dist', 'src', path)).href)
  await writeFile(page, folderPage(await folderReference(load)))
  console.log('docs/folders.md')
}
