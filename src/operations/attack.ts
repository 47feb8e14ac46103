/** `attack`: pictures in, attacked pictures and how far they are from them out. The attacks are the library's. */
import { type Attack, attackPicture, attacks, parseAttacks } from '../attacks/index.js'
import { expected } from '../core/errors.js'
import { plural } from '../core/plural.js'
import type { Signal, Steps } from '../core/progress.js'
import type { Tensor } from '../math/tensor.js'
import type { DiffusionModel } from '../model/model.js'
import { psnrDb, round8 } from '../pictures/pixels.js'
import { planesOf } from '../pictures/planes.js'
import type { Named, Settings } from './fields.js'
import { checkEnding, checkFolder, prepareOutputs, resultPath, sheetField } from './files/outputs.js'
import { asFileName, lastName, withoutEnding } from './files/paths.js'
import { listPictures } from './files/pictures.js'
import type { Host } from './host.js'
import { noted, operation, partOf, type Running } from './operation.js'
import { networkFields, seedField } from './recipes/networks.js'
import { inRows } from './reports/cells.js'
import { decibels } from './reports/labels.js'

/** Stands for each attack as it is without options. */
const every = 'all'

const fields = {
  pictures: {
    type: 'file',
    description: 'pictures, or folders of them',
    subject: true,
    required: true,
    many: true,
    word: 'picture',
  },
  with: {
    type: 'method',
    methods: attacks,
    description: 'what is done to each picture: attacks, joined by +, or `all`',
    required: true,
    many: true,
    word: 'attacks',
    read: (text: string): readonly Named<Attack>[] => (text === every ? everyAttack : [named(text)]),
  },
  seed: { ...seedField, default: 0, description: 'of random choices' },
  ...networkFields,
  sheet: sheetField,
  output: {
    type: 'file',
    description: 'a .png file, or a folder (default: <picture>.attacked.png, or attacked)',
    word: 'path',
  },
} as const

type AttackSettings = Settings<typeof fields>

/** One attack on one picture. */
interface Job extends Named<Attack> {
  readonly picture: string
  readonly seed: number
  readonly output: string
}

interface Attacked extends Job {
  readonly image: Tensor
  readonly original: Tensor
  readonly notes: readonly string[]
  readonly psnrDb: number
  readonly seconds: number
}

const named = (text: string): Named<Attack> => ({ text, method: parseAttacks(text) })

const everyAttack = attacks.map(({ definition }) => definition.id).flatMap((id) => (id === 'none' ? [] : [named(id)]))

async function jobsOf(pictures: readonly string[], settings: AttackSettings, { files }: Host): Promise<readonly Job[]> {
  const { seed, output } = settings
  const chosen = settings.with.flatMap(({ method }) => method)
  const single = pictures.length === 1 && chosen.length === 1
  const stemOf = (picture: string) => withoutEnding(files.nameOf(picture))
  const nameOf = (picture: string, text: string) =>
    `${stemOf(picture)}${chosen.length === 1 ? '' : `.${asFileName(text)}`}.png`
  if (output !== undefined && !single)
    await checkFolder(output, plural(pictures.length * chosen.length, 'picture'), files)
  const file =
    single && output !== undefined
      ? await resultPath(output, nameOf(pictures[0]!, ''), '.png', files, pictures)
      : undefined
  const pathOf = (picture: string, text: string) =>
    single ? (file ?? `${stemOf(picture)}.attacked.png`) : files.join(output ?? 'attacked', nameOf(picture, text))
  const jobs = pictures.flatMap((picture, i) =>
    chosen.map((one) => ({ ...one, picture, seed: seed + i, output: pathOf(picture, one.text) })),
  )
  const twice = jobs.find((job, i) => jobs.findIndex((other) => other.output === job.output) !== i)
  if (!twice) return jobs
  const remedy = 'Rename the pictures, or attack them one at a time.'
  throw expected('bad-option', 'results of different names', '`attack`', `\`${twice.output}\` twice`, remedy)
}

/** An attack that runs networks takes as long as so many others. */
const modelWeight = 100

async function* attackAll(
  jobs: readonly Job[],
  model: DiffusionModel | undefined,
  { pictures, now }: Host,
  signal: Signal | undefined,
): Steps<readonly Attacked[]> {
  const done: Attacked[] = []
  const [one, total] = ['attack', jobs.length]
  const weights = jobs.map(({ method }) => (method.needsModel ? modelWeight : 1))
  for (const [i, job] of jobs.entries()) {
    signal?.throwIfAborted()
    const before = done.at(-1)
    const { original, notes } = before?.picture === job.picture ? before : await read(job.picture, pictures)
    const begin = now()
    const task = attackPicture(original, job.method, { pictures: pictures.tools, model, seed: job.seed, signal })
    const image = yield* partOf(task, total > 1 ? { done: i, total, one, weights } : undefined)
    done.push({ ...job, image, original, notes, psnrDb: psnrDb(image, original), seconds: now() - begin })
  }
  return done
}

async function read(path: string, pictures: Host['pictures']) {
  const { image, notes } = await pictures.read(path)
  return { original: round8(image), notes }
}

const [columns, shownPictures] = [4, 8]

/** Each picture with what became of it; the first pictures, where there are many. */
function sheetOf(done: readonly Attacked[], { pictures }: Host): Promise<Uint8Array> {
  const paths = [...new Set(done.map(({ picture }) => picture))].slice(0, shownPictures)
  const rows = paths.flatMap((picture) => {
    const results = done.filter((one) => one.picture === picture)
    const cells = [
      { image: results[0]!.original, label: lastName(picture) },
      ...results.map(({ image, text, psnrDb }) => ({ image, label: `${text}\n${decibels(psnrDb)}` })),
    ]
    return inRows(cells, columns)
  })
  return pictures.sheet(rows)
}

const reportOf = (done: readonly Attacked[], model: string | undefined, sheet: string | undefined) => ({
  model: model ?? null,
  results: done.map(({ picture, text, seed, image, psnrDb, seconds, output }) => {
    const { height, width } = planesOf(image.shape)
    return { picture, attack: text, seed, widthPixels: width, heightPixels: height, psnrDb, seconds, output }
  }),
  outputs: { pictures: done.map(({ output }) => output), ...(sheet !== undefined && { sheet }) },
})

export type AttackReport = ReturnType<typeof reportOf>

/** Fails before anything is computed where it can be known to fail. The model is opened only for attacks that need it. */
async function* run(settings: AttackSettings, host: Host, signal?: Signal): Running<AttackReport> {
  const { files } = host
  const listed = await listPictures(settings.pictures, host)
  for (const { about, text } of listed.notes) yield noted(about, text)
  const jobs = await jobsOf(listed.paths, settings, host)
  const results = jobs.map(({ output }) => output)
  const { sheet } = settings
  if (sheet !== undefined) checkEnding(sheet, '.png', 'sheet')
  await prepareOutputs(files, { 'settings.output': results, 'settings.sheet': sheet }, { 'a picture': listed.paths })

  const held = jobs.some(({ method }) => method.needsModel) ? await host.models.open(settings) : undefined
  try {
    const done = yield* attackAll(jobs, held?.model, host, signal)
    const pictures = await Promise.all(
      done.map(async ({ output, image }) => [output, await host.pictures.encode(image)] as const),
    )
    await files.write([...pictures, ...(sheet === undefined ? [] : [[sheet, await sheetOf(done, host)] as const])])
    const notes = done.filter((one, i) => one.picture !== done[i - 1]?.picture)
    return {
      result: reportOf(done, held?.model.name, sheet),
      files: [...results, ...(sheet === undefined ? [] : [sheet])],
      notes: [
        ...listed.notes,
        ...notes.flatMap(({ picture, notes }) => notes.map((text) => ({ about: picture, text }))),
      ],
    }
  } finally {
    await held?.close()
  }
}

export const attackOperation = operation({
  id: 'attack',
  title: 'compress, crop, blur, turn or remake pictures, as watermarks must survive',
  fields,
  run,
})
