/** `watermark keygen`: a new secret, with the model and the size that it belongs to, in a file. No network runs but for pictures. */

import { watermarks } from '../catalog.js'
import { expected } from '../core/errors.js'
import type { Signal, Steps } from '../core/progress.js'
import type { Tensor } from '../math/tensor.js'
import { latentShapeAt } from '../verbs/generate.js'
import { invertAll } from '../verbs/invert.js'
import { type NewKey, newKey, readKey } from '../watermark/key.js'
import { chooseKey } from '../watermark/reading/choose-key.js'
import type { KeyRate } from '../watermark/reading/key-rate.js'
import { secretBytes } from '../watermark/secret.js'
import { methodField, readSettings, type Settings, setting } from './fields.js'
import { type KeyReport, keyReport } from './files/keys.js'
import { itemsOf, listSources, type ReadSource } from './files/noise-sources.js'
import { checkName, prepareOutputs } from './files/outputs.js'
import type { Held, Host, Note, OperationModel } from './host.js'
import { notedOf, operation, type Parts, partOf, type Running, type Told } from './operation.js'
import { extentOf, framesField, networkFields, sizeField } from './recipes/networks.js'
import { inversionOf, recoveryFields, recoveryOf } from './recipes/recovery.js'
import { imagesOf } from './runs/source-survey.js'
import { type Opened, survey } from './runs/survey.js'

const fields = {
  scheme: methodField(watermarks, {
    description: 'how noise is marked',
    default: watermarks[0].definition.id,
  }),
  members: { type: 'integer', minimum: 1, default: 1, description: 'marks of this key: a family' },
  unmarked: {
    type: 'file',
    many: true,
    default: [],
    description: 'unmarked pictures, folders of them, or a calibration: keys are drawn until one keeps its rate there',
    word: 'source',
  },
  size: {
    ...sizeField,
    description: 'side, or width x height, of the pictures (default: as the model was trained)',
  },
  frames: framesField,
  model: networkFields.model,
  output: { type: 'file', default: 'key.json', description: 'the key' },
  force: { type: 'boolean', default: false, description: 'write over a key that is there' },
} as const

type KeygenSettings = Settings<typeof fields>

export interface KeygenReport extends KeyReport {
  /** On the pictures that it was chosen by; `null` of a key that is the first one drawn. */
  readonly keyRates: readonly KeyRate[] | null
  readonly outputs: { readonly key: string }
}

/** What pictures are read with: as `detect` does where nothing is said. */
interface Recovering {
  readonly fields: NewKey
  readonly held: Held<OperationModel>
  readonly host: Host
  readonly signal: Signal | undefined
}

/** The noises of unmarked pictures, and notes on those that cannot be read. Each is inverted once, for all keys. */
async function* noisesOf(
  { model: name, unmarked }: KeygenSettings,
  { fields: asked, held: { model }, host, signal }: Recovering,
): Steps<{ readonly noises: readonly Tensor[]; readonly notes: readonly Note[] }, Told> {
  const recovery = recoveryOf(readSettings(recoveryFields, { model: name }, 'watermark keygen'))
  const listed = await listSources(unmarked, model.layout, host)
  // Any key of the scheme says which sizes and models fit.
  const key = readKey(newKey(asked, host.randomBytes(secretBytes)), 'a key')
  const noises: Tensor[] = []
  const notes = [...listed.notes]
  async function* work(opened: readonly Opened<ReadSource>[], parts: Parts): Steps<readonly Tensor[], Told> {
    const task = invertAll(imagesOf(opened), inversionOf(recovery, model, signal))
    const inverted = [...(yield* partOf(task, parts))]
    return opened.map(({ value }) => ('noise' in value ? value.noise : inverted.shift()!.noise))
  }
  yield* survey<ReadSource, Tensor | Note>(itemsOf(listed.sources, { key, model, recovery, undo: [] }, host), {
    chunk: recovery.chunk,
    finished: new Set(),
    signal,
    work,
    failed: (about, { message }) => ({ about, text: `failed: ${message}` }),
    async keep(found) {
      for (const one of found) 'text' in one ? notes.push(one) : noises.push(one)
      return []
    },
  })
  return { noises, notes }
}

/** The text of a key, and what is told of how it was drawn. */
interface Drawn {
  readonly text: string
  readonly keyRates: readonly KeyRate[] | null
  readonly notes: readonly Note[]
}

async function* drawn(settings: KeygenSettings, recovering: Recovering): Steps<Drawn, Told> {
  const { fields: asked, host, signal } = recovering
  if (settings.unmarked.length === 0) {
    return { text: newKey(asked, host.randomBytes(secretBytes)), keyRates: null, notes: [] }
  }
  const { noises, notes } = yield* noisesOf(settings, recovering)
  const { randomBytes, pause } = host
  const { text, rates } = yield* partOf(chooseKey(asked, { noises, randomBytes, pause, signal }))
  return { text, keyRates: rates, notes }
}

/** Reports everything but the secret. */
async function* run(settings: KeygenSettings, host: Host, signal?: Signal): Running<KeygenReport> {
  const { scheme, members, output, force } = settings
  const { files, models } = host
  checkName(output, 'key.json')
  yield { stage: 'key', done: 0, total: 1 }
  await prepareOutputs(files, { 'settings.output': output })
  if (!force && (await files.size(output)) !== undefined) {
    const remedy = `What it marked could not be detected any more. Choose another name, or pass ${setting('force')}.`
    throw expected('bad-option', 'a new file', setting('output'), `\`${output}\`, which exists`, remedy)
  }
  const held = await models.open({ model: settings.model, precision: '32', lean: false })
  try {
    yield* notedOf(held)
    const { model } = held
    const asked = {
      scheme: scheme.text,
      model: model.name,
      modelFiles: await held.identity(),
      latentShape: latentShapeAt(model, extentOf(settings, model)),
      members,
    }
    const { text, keyRates, notes } = yield* drawn(settings, { fields: asked, held, host, signal })
    const key = readKey(text, files.nameOf(output))
    if (force) await files.write([[output, text]], { ownerOnly: true })
    else await files.writeNew(output, text, { ownerOnly: true })
    return { result: { ...keyReport(key), keyRates, outputs: { key: output } }, files: [output], notes }
  } finally {
    await held.close()
  }
}

export const keygenOperation = operation({
  id: 'watermark keygen',
  title: 'make a key that marks pictures of a model',
  fields,
  run,
})
