/** The site: README, docs/ and the pages that they lead to, as they lie in the repository. Links that lead nowhere fail the build. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'

const root = fileURLToPath(new URL('../..', import.meta.url))
const titleOf = (path) => /^# (.*)$/m.exec(readFileSync(`${root}/${path}`, 'utf8'))[1].replaceAll('`', '')
const entry = (path) => ({ text: titleOf(path), link: `/${path.replace(/README\.md$/, 'index').replace(/\.md$/, '')}` })
const pagesIn = (folder) =>
  readdirSync(`${root}/${folder}`)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => `${folder}/${name}`)

/** In the order in which a newcomer reads; pages that nobody has placed yet come last. */
const order = [
  'getting-started',
  'noise-inversion',
  'decoder-inversion',
  'watermarks',
  'watermark-service',
  'provenance',
  'attacks',
  'editing',
  'your-own-model',
  'python',
  'command-line',
  'folders',
  'schedulers',
  'onnx',
  'benchmarks',
  'extending',
]
const placeOf = (path) => {
  const place = order.findIndex((name) => path === `docs/${name}.md`)
  return place < 0 ? order.length : place
}

/** A folder's README is its first page. */
const readmeIsIndex = {
  name: 'readme-is-index',
  enforce: 'pre',
  transform: (code, id) =>
    id.endsWith('.md') ? code.replaceAll(/(\]\([^)\s]*?)README\.md/g, '$1index.md') : undefined,
}

export default defineConfig({
  title: 'undiffuse',
  description: 'Exact inversion for latent diffusion models, in TypeScript',
  srcDir: '..',
  outDir: 'dist',
  srcExclude: [
    '{api,apps,examples,measurements,scripts,site,src,test,training}/**',
    '**/node_modules/**',
    '.github/**',
  ],
  rewrites: { 'README.md': 'index.md', 'docs/methods/README.md': 'docs/methods/index.md' },
  cleanUrls: true,
  // Pages have Markdown alone: what looks like a tag is a placeholder.
  markdown: { html: false },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [{ text: 'Reference', link: '/reference/index.html', target: '_self' }],
    sidebar: [
      {
        text: 'Pages',
        items: pagesIn('docs')
          .sort((a, b) => placeOf(a) - placeOf(b))
          .map(entry),
      },
      {
        text: 'Methods',
        collapsed: true,
        items: [entry('docs/methods/README.md'), ...pagesIn('docs/methods').map(entry)],
      },
      { text: 'Decisions', collapsed: true, items: pagesIn('docs/decisions').map(entry) },
    ],
  },
  vite: { plugins: [readmeIsIndex] },
})
