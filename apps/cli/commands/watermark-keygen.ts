/** `undiffuse watermark keygen`: a key that marks pictures of a model. */
import { latentText } from 'undiffuse'
import { type KeygenReport, keygenOperation, plural, probability } from 'undiffuse/operations'
import type { OperationCommand } from '../operation-command.js'
import { rateText } from '../watermark-words.js'

const details = `
The key file holds 32 bytes of chance, which are never printed, with everything that they belong to; only its owner may read
it. It marks pictures of one size of one model, or clips of one size and length. A family has many marks of one secret: one for each user, say. Anybody who holds the file can find the mark, forge it and remove it. Without the file nobody can find it any more.

A p-value holds over the draw of the key, and one key may find more unmarked pictures than its rate says. With \`--unmarked\` keys
are drawn until one finds at most 5, 1 and 0.1 % of these pictures at those rates. The pictures are inverted once, without a
prompt; a calibration is read as it is. The file says how many keys were drawn.`

const examples = [
  'watermark keygen -o key.json',
  'watermark keygen --scheme tree-ring:pattern=rand --members 1000000 -o users.json',
  'watermark keygen --unmarked photos/ -o key.json',
  'watermark keygen --scheme gaussian-shading:bits=64 --size 192x128 -o key.json',
  'watermark keygen --model wan/ --frames 9 --size 64 --scheme gaussian-shading -o clips.json',
  'generate "a large red ball at the top" --watermark key.json -o marked.png',
] as const

function words(report: KeygenReport) {
  const { id, scheme, model, latentShape, axes, members, messageBits, smallestPValue, chosen, keyRates, outputs } =
    report
  const ofAll = members > 1 ? `; among all members ${probability(Math.min(1, members * smallestPValue))}` : ''
  return [
    `key ${id}`,
    `  scheme       ${scheme}`,
    `  marks        ${axes.includes('frames') ? 'clips' : 'pictures'} of ${model} with latents of ${latentText(latentShape)}`,
    `  members      ${members}`,
    `  message      ${messageBits === 0 ? 'none' : plural(messageBits, 'bit')}`,
    ...(smallestPValue > 0
      ? [`  p-values     none below ${probability(smallestPValue)}${ofAll}: nothing is marked at a smaller \`--fpr\``]
      : []),
    ...(chosen && keyRates
      ? [
          `  drawn        ${plural(chosen.drawn, 'key')}, until this one kept its rate`,
          `  its rates    in ${plural(chosen.pictures, 'unmarked picture')}: ${rateText(keyRates)}`,
        ]
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
