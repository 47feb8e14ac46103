/** `undiffuse watermark keygen`: a key that marks pictures of a model. */
import { formatShape } from 'undiffuse'
import { type KeygenReport, keygenOperation, probability } from 'undiffuse/operations'
import type { OperationCommand } from '../operation-command.js'

const details = `
The key file holds 32 bytes of chance, which are never printed, with everything that they belong to; only its owner may read
it. It marks pictures of one size of one model. A family has many marks of one secret: one for each user, say. Anybody who holds the file can find the mark, forge it and remove it. Without the file nobody can find it any more.`

const examples = [
  'watermark keygen -o key.json',
  'watermark keygen --scheme tree-ring:pattern=rand --members 1000000 -o users.json',
  'watermark keygen --scheme gaussian-shading:bits=64 --size 192x128 -o key.json',
  'generate "a large red ball at the top" --watermark key.json --message c0de -o marked.png',
] as const

function words({ id, scheme, model, latentShape, members, messageBits, smallestPValue, outputs }: KeygenReport) {
  const ofAll = members > 1 ? `; among all members ${probability(Math.min(1, members * smallestPValue))}` : ''
  return [
    `key ${id}`,
    `  scheme       ${scheme}`,
    `  marks        pictures of ${model} with latents of ${formatShape(latentShape)}`,
    `  members      ${members}`,
    `  message      ${messageBits === 0 ? 'none' : `${messageBits} bits`}`,
    ...(smallestPValue > 0
      ? [`  p-values     none below ${probability(smallestPValue)}${ofAll}: nothing is marked at a smaller \`--fpr\``]
      : []),
    `wrote ${outputs.key}: keep it secret, who has it can forge and remove the mark`,
  ]
}

export const command: OperationCommand<typeof keygenOperation.fields, KeygenReport> = {
  operation: keygenOperation,
  details,
  examples,
  words,
}
