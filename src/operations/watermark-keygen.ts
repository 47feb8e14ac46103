/** `watermark keygen`: a new secret, with the model and the size that it belongs to, in a file. No network runs. */
import { watermarks } from '../catalog.js'
import { expected } from '../core/errors.js'
import { latentShapeAt } from '../verbs/generate.js'
import { newKey, readKey } from '../watermark/key.js'
import { secretBytes } from '../watermark/secret.js'
import { methodField, type Settings, setting } from './fields.js'
import { type KeyReport, keyReport } from './files/keys.js'
import type { Host } from './host.js'
import { operation, type Running } from './operation.js'
import { networkFields, sizeField } from './recipes/networks.js'

const fields = {
  scheme: methodField(watermarks, {
    description: 'how noise is marked',
    default: watermarks[0].definition.id,
  }),
  members: { type: 'integer', minimum: 1, default: 1, description: 'marks of this key: a family' },
  size: {
    ...sizeField,
    description: 'side, or width x height, of the pictures (default: as the model was trained)',
  },
  model: networkFields.model,
  output: { type: 'file', default: 'key.json', description: 'the key' },
  force: { type: 'boolean', default: false, description: 'write over a key that is there' },
} as const

export interface KeygenReport extends KeyReport {
  readonly outputs: { readonly key: string }
}

/** Reports everything but the secret. */
async function* run(settings: Settings<typeof fields>, { files, models, randomBytes }: Host): Running<KeygenReport> {
  const { scheme, members, size, output, force } = settings
  yield { stage: 'key', done: 0, total: 1 }
  await files.checkWritable(output)
  if (!force && (await files.size(output)) !== undefined) {
    const remedy = `What it marked could not be detected any more. Choose another name, or pass ${setting('force')}.`
    throw expected('bad-option', 'a new file', setting('output'), `\`${output}\`, which exists`, remedy)
  }
  const held = await models.open({ model: settings.model, precision: '32', lean: false })
  try {
    const { model } = held
    const shape = { model: model.name, latentShape: latentShapeAt(model, size), members }
    const text = newKey({ scheme: scheme.text, ...shape }, randomBytes(secretBytes))
    const key = readKey(text, files.nameOf(output))
    if (force) await files.write([[output, text]], { ownerOnly: true })
    else await files.writeNew(output, text, { ownerOnly: true })
    return { result: { ...keyReport(key), outputs: { key: output } }, files: [output], notes: [] }
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
