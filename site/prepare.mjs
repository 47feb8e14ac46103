/** Copies the pages of the repository to pages/, where the site is built from: its tools look for packages above them. */
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = fileURLToPath(new URL('pages', import.meta.url))

const inFolder = async (folder) =>
  (await readdir(join(root, folder), { recursive: true })).map((name) => join(folder, name))
const models = (await inFolder('models')).filter((path) => /MODEL_CARD\.md$|\.(?:png|svg)$/.test(path))
const docs = (await inFolder('docs')).filter((path) => /\.(?:md|png|svg)$/.test(path))

const examples = (await inFolder('examples')).filter((path) => /\.(?:mjs|png)$/.test(path))

/** A folder's README is its first page, and the surface is the reference. */
const linked = (text) =>
  text.replaceAll('](api/README.md)', '](/reference/index.html)').replaceAll(/(\]\([^)\s]*?)README\.md/g, '$1index.md')

await rm(target, { recursive: true, force: true })
for (const path of ['README.md', 'AGENTS.md', 'CHANGELOG.md', 'CONTRIBUTING.md', ...models, ...docs]) {
  const to = join(target, path.replace(/README\.md$/, 'index.md'))
  await mkdir(dirname(to), { recursive: true })
  if (path.endsWith('.md')) await writeFile(to, linked(await readFile(join(root, path), 'utf8')))
  else await cp(join(root, path), to)
}
// Programs that pages link to.
for (const path of examples) {
  const to = join(target, 'public', path)
  await mkdir(dirname(to), { recursive: true })
  await cp(join(root, path), to)
}
