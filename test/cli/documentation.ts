/** What the documentation shows: whole programs and command lines. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

const docs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)

export const pages = await Promise.all(
  ['README.md', ...docs].map(async (page) => ({ page, text: await readFile(join(root, page), 'utf8') })),
)

const blocks = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1]!)

/** Blocks that import the package; other blocks show a piece of its inside. */
export const programs = pages.flatMap(({ page, text }) =>
  blocks(text, 'ts')
    .filter((code) => code.includes("from 'undiffuse"))
    .map((code, i) => ({ name: `${page} ${i + 1}`, code })),
)

/** Lines that begin with `npx undiffuse` and name a command, without what stands behind `#`. */
export const commandLines = pages.flatMap(({ page, text }) =>
  blocks(text, 'sh').flatMap((block) =>
    block
      .split(/\n| \| /)
      .map((line) => line.replace(/\s+#.*$/, ''))
      .filter((line) => line.startsWith('npx undiffuse '))
      .map((line) => ({ page, line })),
  ),
)
