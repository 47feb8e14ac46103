/** What `watermark keygen` does: a new secret, with the model and the size that it belongs to, in a file. */
import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { expected, formatShape, latentShapeAt, newKey, parse, readKey, secretBytes, watermarks } from 'undiffuse'
import { checkWritable, nodeFiles } from 'undiffuse/node'
import { probability } from './detection-report.js'
import { withModel } from './diffusion.js'
import { keyReport, writeKey } from './key-files.js'
import type { PictureSize } from './numbers.js'
import type { Terminal } from './terminal.js'

export interface KeygenRequest {
  readonly scheme: string
  readonly members: number
  readonly size?: PictureSize
  readonly model?: string
  readonly output: string
  readonly force: boolean
}

async function checkNew(path: string, force: boolean): Promise<void> {
  if (force || (await nodeFiles.size(path)) === undefined) return
  const remedy = 'What it marked could not be detected any more. Choose another name, or pass `--force`.'
  throw expected('bad-option', 'a new file', '`--output`', `\`${path}\`, which exists`, remedy)
}

/** Makes a key and writes it; reports everything but the secret. No network runs. */
export async function makeKey(io: Terminal, request: KeygenRequest): Promise<void> {
  const { scheme, members, size, output, force } = request
  parse(watermarks, scheme)
  await checkWritable(output)
  await checkNew(output, force)
  const networks = {
    ...(request.model !== undefined && { model: request.model }),
    precision: '32',
    lean: false,
  } as const
  const { model, latentShape } = await withModel(networks, {}, async (open) => ({
    model: open.name,
    latentShape: latentShapeAt(open, size),
  }))
  const text = newKey({ scheme, model, latentShape, members }, randomBytes(secretBytes))
  const key = readKey(text, basename(output))
  await writeKey(output, text, { force })
  io.say(`key ${key.id}`)
  io.say(`  scheme       ${scheme}`)
  io.say(`  marks        pictures of ${model} with latents of ${formatShape(latentShape)}`)
  io.say(`  members      ${members}`)
  io.say(`  message      ${key.messageBits === 0 ? 'none' : `${key.messageBits} bits`}`)
  if (key.smallestPValue > 0) {
    const ofAll = members > 1 ? `; among all members ${probability(Math.min(1, members * key.smallestPValue))}` : ''
    io.say(
      `  p-values     none below ${probability(key.smallestPValue)}${ofAll}: nothing is marked at a smaller \`--fpr\``,
    )
  }
  io.say(`wrote ${output}: keep it secret, who has it can forge and remove the mark`)
  io.result({ ...keyReport(key), outputs: { key: output } })
}
