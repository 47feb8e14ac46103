/** What `attack` does: pictures in, attacked pictures and how far they are from them out. The attacks are the library's. */
import { mkdir } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import {
  type Attack,
  attackPicture,
  attacks,
  type DiffusionModel,
  expected,
  parseAttacks,
  psnrDb,
  round8,
  type Tensor,
} from 'undiffuse'
import { contactSheet, encodePng, pictureTools, readImage, writeFilesAtomically } from 'undiffuse/node'
import { follow, type NetworkOptions, now, withModel } from './diffusion.js'
import { prepareOutputs } from './outputs.js'
import { pictureFiles } from './pictures.js'
import type { Terminal } from './terminal.js'
import { decibels, finiteOrNull } from './words.js'

export interface AttackRequest extends NetworkOptions {
  /** Attacks as text; each is done to every picture. */
  readonly with: readonly string[]
  readonly seed: number
  readonly output?: string
}

interface NamedAttack {
  readonly text: string
  readonly attack: Attack
}

/** One attack on one picture. */
interface Job extends NamedAttack {
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

const everyAttack = attacks.map(({ definition }) => definition.id).filter((id) => id !== 'none')

const named = (texts: readonly string[]): readonly NamedAttack[] =>
  texts
    .flatMap((text) => (text.trim() === 'all' ? everyAttack : [text.trim()]))
    .map((text) => ({ text, attack: parseAttacks(text) }))

const stemOf = (picture: string): string => basename(resolve(picture), extname(picture))

/** Characters that are at home in every file system. */
const asFileName = (text: string): string => text.replace(/[^\w.,=+-]+/g, '-')

function jobsOf(pictures: readonly string[], { with: texts, seed, output }: AttackRequest): readonly Job[] {
  const chosen = named(texts)
  const [only] = chosen
  const single = pictures.length === 1 && chosen.length === 1
  const folder = output ?? 'attacked'
  const pathOf = (picture: string, text: string) =>
    single
      ? (output ?? `${stemOf(picture)}.attacked.png`)
      : join(folder, `${stemOf(picture)}${only && chosen.length === 1 ? '' : `.${asFileName(text)}`}.png`)
  const jobs = pictures.flatMap((picture, i) =>
    chosen.map((one) => ({ ...one, picture, seed: seed + i, output: pathOf(picture, one.text) })),
  )
  checkOutputs(jobs, single)
  return jobs
}

function checkOutputs(jobs: readonly Job[], single: boolean): void {
  const [{ output }] = jobs as readonly [Job]
  if (single && extname(output).toLowerCase() !== '.png') {
    throw expected('bad-option', 'a name that ends in .png', '`--output`', `\`${output}\``, 'Change the name.')
  }
  const twice = jobs.find((job, i) => jobs.findIndex((other) => other.output === job.output) !== i)
  if (twice) {
    const remedy = 'Rename the pictures, or attack them one at a time.'
    throw expected('bad-option', 'results of different names', '`attack`', `\`${twice.output}\` twice`, remedy)
  }
}

/** Nothing is computed for outputs that cannot be written. */
async function prepare(jobs: readonly Job[], sheet: string | undefined): Promise<void> {
  if (sheet !== undefined) await mkdir(dirname(sheet), { recursive: true }).catch(() => {})
  const [pictures, results] = [jobs.map(({ picture }) => picture), jobs.map(({ output }) => output)]
  await prepareOutputs({ '--output': results, 'the sheet': sheet }, { 'a picture': pictures })
}

async function run(
  io: Terminal,
  jobs: readonly Job[],
  model: DiffusionModel | undefined,
): Promise<readonly Attacked[]> {
  const done: Attacked[] = []
  for (const [i, job] of jobs.entries()) {
    io.signal.throwIfAborted()
    const before = done.at(-1)
    const same = before?.picture === job.picture ? before : undefined
    const { image: original, notes } = same ? { image: same.original, notes: same.notes } : await read(job.picture)
    const begin = now()
    const options = { pictures: pictureTools, model, seed: job.seed, signal: io.signal }
    const part = jobs.length > 1 ? `${i + 1} of ${jobs.length}` : undefined
    const image = await follow(io, attackPicture(original, job.attack, options), part)
    done.push({ ...job, image, original, notes, psnrDb: psnrDb(image, original), seconds: now() - begin })
  }
  return done
}

async function read(path: string): Promise<{ readonly image: Tensor; readonly notes: readonly string[] }> {
  const { image, notes } = await readImage(path)
  return { image: round8(image), notes }
}

const [columns, shownPictures] = [4, 8]

/** Each picture with what became of it; the first pictures, where there are many. */
function sheetOf(done: readonly Attacked[]): Promise<Uint8Array> {
  const pictures = [...new Set(done.map(({ picture }) => picture))].slice(0, shownPictures)
  const rows = pictures.flatMap((picture) => {
    const results = done.filter((one) => one.picture === picture)
    const cells = [
      { image: results[0]!.original, label: basename(picture) },
      ...results.map(({ image, text, psnrDb }) => ({ image, label: `${text}\n${decibels(psnrDb)}` })),
    ]
    return Array.from({ length: Math.ceil(cells.length / columns) }, (_, i) =>
      cells.slice(i * columns, (i + 1) * columns),
    )
  })
  return contactSheet(rows)
}

const reportOf = (done: readonly Attacked[], model: string | undefined, sheet: string | undefined) => ({
  model: model ?? null,
  results: done.map(({ picture, text, seed, image, psnrDb, seconds, output }) => ({
    picture,
    attack: text,
    seed,
    widthPixels: image.shape[2],
    heightPixels: image.shape[1],
    psnrDb: finiteOrNull(psnrDb),
    seconds,
    output,
  })),
  outputs: { pictures: done.map(({ output }) => output), ...(sheet !== undefined && { sheet }) },
})

function sayReport(io: Terminal, done: readonly Attacked[], sheet: string | undefined): void {
  const width = Math.max(...done.map(({ text }) => text.length))
  for (const [i, { picture, text, seed, psnrDb, output, notes }] of done.entries()) {
    if (picture !== done[i - 1]?.picture) {
      io.say(`${picture}, seed ${seed}`)
      for (const note of notes) io.say(`  ${note}`)
    }
    io.say(`  ${text.padEnd(width)}  ${decibels(psnrDb).padStart(9)}  ${output}`)
  }
  if (sheet !== undefined) io.say(`wrote ${done.length} pictures and ${sheet}`)
}

/** Reads, attacks, writes and reports. Fails before anything is computed where it can be known to fail. */
export async function attackPictures(io: Terminal, paths: readonly string[], request: AttackRequest): Promise<void> {
  const jobs = jobsOf(await pictureFiles(paths, io), request)
  const sheet = jobs.length > 1 ? join(dirname(jobs[0]!.output), 'sheet.png') : undefined
  await prepare(jobs, sheet)
  const needsModel = jobs.some(({ attack }) => attack.needsModel)
  const { done, model } = needsModel
    ? await withModel(request, {}, async (model) => ({ done: await run(io, jobs, model), model: model.name }))
    : { done: await run(io, jobs, undefined), model: undefined }
  await writeFilesAtomically([
    ...(await Promise.all(done.map(async ({ output, image }) => [output, await encodePng(image)] as const))),
    ...(sheet === undefined ? [] : [[sheet, await sheetOf(done)] as const]),
  ])
  io.clear()
  sayReport(io, done, sheet)
  io.result(reportOf(done, model, sheet))
}
