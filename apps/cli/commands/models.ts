/** `undiffuse models`: the models that ship with the package and what they are, from their cards. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type BundledModel, bundledModels } from 'undiffuse/node'
import { explain } from '../help.js'
import { runCommand } from '../terminal.js'

/** The first paragraph of a card's text, after its front matter and headings. */
function summaryOf(card: string): string {
  const paragraphs = card.replace(/^---\n.*?\n---\n/s, '').split(/\n\s*\n/)
  return (paragraphs.find((text) => /^[^#\s]/.test(text.trim())) ?? '').trim().replace(/\s*\n\s*/g, ' ')
}

const described = async ({ id, folder }: BundledModel) => ({
  id,
  folder,
  summary: summaryOf(await readFile(join(folder, 'MODEL_CARD.md'), 'utf8')),
})

export function add(program: Command): void {
  explain(program.command('models'), { examples: ['models'] })
    .option('--json', 'print a machine-readable result', false)
    .action((options: { json: boolean }) =>
      runCommand(options.json, async (io) => {
        const models = await Promise.all((await bundledModels()).map(described))
        if (models.length === 0) io.say('No bundled models. Pass the folder of a diffusers checkpoint as --model.')
        for (const { id, folder, summary } of models) io.say(`${id}\n  ${summary}\n  ${folder}`)
        io.result({ models })
      }),
    )
}
