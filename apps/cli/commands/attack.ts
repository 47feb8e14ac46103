/** `undiffuse attack`: what becomes of pictures on their way to a detector. */
import { type AttackReport, attackOperation, decibels, type Note } from 'undiffuse/operations'
import type { OperationCommand } from '../operation-command.js'

const details = `
Attacks are joined by \`+\`; the first is applied first. Several attacks make several pictures. \`all\` stands for each
attack with its defaults. Every result keeps the size of its picture. Random choices follow the seed: the first picture takes
it, and each further picture takes the next one. The model is opened only for attacks that need it.

One result is a .png file. Several are files in a folder; \`--sheet\` shows them side by side.`

const examples = [
  'attack ball.png --with jpeg:quality=50',
  'attack ball.png --with "jpeg:quality=50+blur:sigma=2" -o worn.png',
  'attack pictures/ --with crop:share=0.5 --seed 3 -o cropped --json',
  'attack ball.png --with all -o attacked',
] as const

function words({ results, outputs }: AttackReport, notes: readonly Note[]): readonly string[] {
  const width = Math.max(...results.map(({ attack }) => attack.length))
  return [
    ...results.flatMap(({ picture, attack, seed, psnrDb, output }, i) => [
      ...(picture === results[i - 1]?.picture
        ? []
        : [
            `${picture}, seed ${seed}`,
            ...notes.flatMap(({ about, text }) => (about === picture ? [`  ${text}`] : [])),
          ]),
      `  ${attack.padEnd(width)}  ${decibels(psnrDb).padStart(9)}  ${output}`,
    ]),
    ...(outputs.sheet === undefined ? [] : [`wrote ${outputs.sheet}`]),
  ]
}

export const command: OperationCommand<typeof attackOperation.fields, AttackReport> = {
  operation: attackOperation,
  details,
  examples,
  words,
  saysNotes: true,
}
