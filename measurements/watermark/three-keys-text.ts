/** The three-key experiment in words. */
import { formatShape, wilsonInterval } from 'undiffuse'
import { decimal, memoryText, textTable } from '../shared/text-table.js'
import type { Confusion, ThreeKeysResult } from './three-keys.js'

/** Rows are the keys that were written, columns those that were read. */
const confusionText = (confusion: Confusion): string => confusion.map((row) => row.join(' ')).join(' / ')

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

function accuracyText(confusion: Confusion): string {
  const count = confusion.flat().reduce((sum, one) => sum + one, 0)
  const right = confusion.reduce((sum, row, i) => sum + row[i]!, 0)
  const { low, high } = wilsonInterval(right, count)
  return `${right}/${count}, ${percent(right / count)} (${(100 * low).toFixed(1)}…${(100 * high).toFixed(1)})`
}

export function threeKeysText({ model, solver, guidance, inverter, prompts, perfect, rows }: ThreeKeysResult): string {
  return [
    'Which of three keys is in a picture (Hong et al., NeurIPS 2024, table 2 and figure S1)',
    `${model}, ${prompts} prompts with each key, ${solver}, guidance ${guidance}, ${inverter}, prompt known`,
    '',
    textTable(
      ['with the marked noise itself', 'mask', 'confusion (written / read)', 'right'],
      perfect.map(({ latentShape, mask, confusion }) => [
        formatShape(latentShape),
        mask,
        confusionText(confusion),
        accuracyText(confusion),
      ]),
    ),
    '',
    textTable(
      ['from the 8-bit picture', 'mask', 'confusion', 'right (95 %)', 'latent dB', 'noise dB', 'seconds', 'peak'],
      rows.map((row) => [
        row.decoder,
        row.mask,
        confusionText(row.confusion),
        accuracyText(row.confusion),
        decimal(row.latentNmseDb, 1),
        decimal(row.noiseNmseDb, 1),
        decimal(row.secondsPerPicture, 2),
        memoryText(row.peakMemoryBytes),
      ]),
    ),
  ].join('\n')
}
