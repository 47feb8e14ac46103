/** `undiffuse models`: the models that ship with the package and what they are, from their cards, and the words of one. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { expected, parseVocabulary, type Vocabulary } from 'undiffuse'
import { type BundledModel, bundledModels } from 'undiffuse/node'
import { explain } from '../help.js'
import { runCommand } from '../terminal.js'

/** The first paragraph of a card's text, after its front matter and headings. */
function summaryOf(card: string): string {
  const paragraphs = card.replace(/^---\n.*?\n---\n/s, '').split(/\n\s*\n/)
  return (paragraphs.find((text) => /^[^#\s]/.test(text.trim())) ?? '').trim().replace(/\s*\n\s*/g, ' ')
}

/** The side of its pictures in pixels, as its configurations tell it. */
async function ownSideOf({ folder }: BundledModel): Promise<number | undefined> {
  const configOf = async (part: string) => {
    const path = join(folder, part, 'config.json')
    return existsSync(path) ? JSON.parse(await readFile(path, 'utf8')) : {}
  }
  const [unet, transformer, vae] = await Promise.all(['unet', 'transformer', 'vae'].map(configOf))
  const { sample_size: side } = { ...transformer, ...unet }
  const { block_out_channels: blocks } = vae
  return typeof side === 'number' && Array.isArray(blocks) ? side * 2 ** (blocks.length - 1) : undefined
}

const described = async (model: BundledModel) => ({
  ...model,
  sidePixels: (await ownSideOf(model)) ?? null,
  summary: summaryOf(await readFile(join(model.folder, 'MODEL_CARD.md'), 'utf8')),
})

async function vocabularyOf({ folder }: BundledModel): Promise<Vocabulary | undefined> {
  const file = join(folder, 'undiffuse-vocabulary.json')
  return existsSync(file) ? parseVocabulary(await readFile(file, 'utf8'), file) : undefined
}

function vocabularyLines({ words, examples }: Vocabulary): readonly string[] {
  const groups = Object.entries(words)
  const width = Math.max(...groups.map(([name]) => name.length))
  return [
    '',
    `Its ${groups.flatMap(([, group]) => group).length} words:`,
    ...groups.map(([name, group]) => `  ${name.padEnd(width)}  ${group.join(' ')}`),
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
  ]
}

async function chosen(id: string | undefined): Promise<readonly BundledModel[]> {
  const models = await bundledModels()
  if (id === undefined) return models
  const found = models.filter((model) => model.id === id)
  if (found.length > 0) return found
  const ids = models.map((model) => model.id).join(', ')
  throw expected(
    'bad-option',
    `a model that ships with the package (${ids})`,
    '`models`',
    id,
    'Name one of these, or none for a list.',
  )
}

export function add(program: Command): void {
  explain(program.command('models'), { examples: ['models', 'models undiffuse-scenes'] })
    .argument('[model]', 'list the words that this one knows')
    .option('--json', 'print a machine-readable result', false)
    .action((id: string | undefined, options: { json: boolean }) =>
      runCommand(options.json, async (io) => {
        const found = await chosen(id)
        const models = await Promise.all(found.map(described))
        if (models.length === 0) io.say('No bundled models. Pass the folder of a diffusers checkpoint as --model.')
        for (const { id: name, summary, folder, sidePixels: side } of models) {
          const size =
            side === null
              ? ''
              : `\n  It was made for pictures of ${side}×${side}; larger ones take longer and come out worse.`
          io.say(`${name}\n  ${summary}${size}\n  ${folder}`)
        }
        const vocabulary = id === undefined ? undefined : await vocabularyOf(found[0]!)
        if (vocabulary) for (const line of vocabularyLines(vocabulary)) io.say(line)
        io.result({ models, ...(vocabulary && { vocabulary }) })
      }),
    )
}
