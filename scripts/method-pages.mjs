/**
 * One page for each method, from its own file: the docstring, the options, the source. `node scripts/method-pages.mjs`
 * writes docs/methods (the project must be built); a test holds the pages against the sources.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = join(root, 'docs', 'methods')

/** The kinds of methods: the list in the catalog, its flag, its folder, and what it is called. */
const kinds = [
  { list: 'solvers', flag: '--solver', folder: 'src/diffusion/solvers', title: 'Solvers' },
  { list: 'inverters', flag: '--inverter', folder: 'src/diffusion/inverters', title: 'Inverters' },
  { list: 'guidedInverters', folder: 'src/diffusion/guided-editing', title: 'Baselines of guided editing' },
  // There is an automatic inverter of solvers too.
  {
    list: 'decoderInverters',
    flag: '--decoder',
    folder: 'src/autoencoder',
    title: 'Decoder inversions',
    prefix: 'decoder-',
  },
  { list: 'refiners', flag: '--refine', folder: 'src/verbs', title: 'Refiners of the noise' },
  { list: 'watermarks', flag: '--scheme', folder: 'src/watermark/schemes', title: 'Watermarks in the noise' },
  { list: 'attacks', flag: '--with', folder: 'src/attacks', title: 'Attacks on watermarks' },
  // What is undone is called by what was done.
  {
    list: 'restorations',
    flag: '--undo',
    folder: 'src/restorations',
    title: 'What is undone',
    prefix: 'undo-',
  },
  // Edits are called by what they walk: EDICT is a solver too, null-text optimisation a baseline.
  { list: 'edits', flag: '--method', folder: 'src/edit/methods', title: 'Edits', prefix: 'edit-' },
]

/** The lines of the docstring before `export const … = define(`, without stars. */
function docstringOf(text) {
  const [, comment] = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export const \w+ = define\(/.exec(text)
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim()
}

/** Paragraphs on one line each, so that Markdown breaks them where the reader's window does; lists keep their lines. */
const paragraphs = (text) =>
  text
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\n(?!\s*(?:\d+\.|-) )/g, ' ').replace(/ {2,}/g, ' '))
    .join('\n\n')

const cell = (text) => `${text}`.replaceAll('|', '\\|')

function optionsTable(fields, describeField) {
  const entries = Object.entries(fields)
  if (entries.length === 0) return 'It has no options.'
  const rows = entries.map(([name, field]) => {
    const value = field.default === undefined ? '–' : `\`${field.default}\``
    return `| \`${name}\` | ${value} | ${cell(describeField(field))} | ${cell(field.description)} |`
  })
  return ['| option | default | values | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** All pages as `name → text`. `library` is the package: the catalog and `describeField`. */
export async function methodPages(library) {
  const pages = new Map()
  const index = ['# Methods', '', 'One page for each, written from its source file by `scripts/method-pages.mjs`.', '']
  for (const { list, flag, folder, title, prefix = '' } of kinds) {
    index.push(`## ${title}`, '', '| id | what | source |', '| --- | --- | --- |')
    for (const { definition } of library[list]) {
      const { id, title: name, source, fields } = definition
      const file = `${folder}/${id}.ts`
      const docstring = docstringOf(await readFile(join(root, file), 'utf8'))
      const [words, example] = docstring.split('@example')
      const use = flag ? `\`${flag} ${id}\`` : 'from the library'
      pages.set(
        `${prefix}${id}.md`,
        [
          `# ${name}`,
          `${use} · ${source} · source code: \`${file}\``,
          paragraphs(words.trim()),
          '## Options',
          optionsTable(fields, library.describeField),
          ...(example ? ['## Example', `\`\`\`ts\n${example.trim()}\n\`\`\``] : []),
        ]
          .join('\n\n')
          .concat('\n'),
      )
      index.push(`| [${id}](${prefix}${id}.md) | ${cell(name)} | ${cell(source)} |`)
    }
    index.push('')
  }
  pages.set('README.md', `${index.join('\n').trimEnd()}\n`)
  return pages
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const pages = await methodPages(await import(pathToFileURL(join(root, 'dist/src/index.js')).href))
  await mkdir(target, { recursive: true })
  for (const name of await readdir(target)) if (!pages.has(name)) await rm(join(target, name))
  for (const [name, text] of pages) await writeFile(join(target, name), text)
  console.log(`${pages.size} pages in docs/methods`)
}
