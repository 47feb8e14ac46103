/** The site: README, docs/ and the pages that they lead to, as prepare.mjs lays them. Links that lead nowhere fail the build. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'

const pages = fileURLToPath(new URL('../pages', import.meta.url))
const titleOf = (path) => /^# (.*)$/m.exec(readFileSync(`${pages}/${path}`, 'utf8'))[1].replaceAll('`', '')
const entry = (path) => ({ text: titleOf(path), link: `/${path.replace(/\.md$/, '')}` })
const pagesIn = (folder) =>
  readdirSync(`${pages}/${folder}`)
    .filter((name) => name.endsWith('.md'))
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
  'families',
  'python',
  'command-line',
  'json',
  'folders',
  'schedulers',
  'onnx',
  'benchmarks',
  'extending',
].map((name) => `docs/${name}.md`)
const placeOf = (path) => (order.includes(path) ? order.indexOf(path) : order.length)

/** Places are called as GitHub calls them: pages are read in both. */
const slugify = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

export default defineConfig({
  title: 'undiffuse',
  description: 'Exact inversion for latent diffusion models, in TypeScript',
  srcDir: 'pages',
  outDir: 'dist',
  cleanUrls: true,
  // Pages have Markdown alone: what looks like a tag is a placeholder.
  markdown: { html: false, anchor: { slugify } },
  // TypeDoc writes it after the pages; check-links.mjs looks at all of them.
  ignoreDeadLinks: [/^\/reference\//],
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
      { text: 'Methods', collapsed: true, items: pagesIn('docs/methods').map(entry) },
      { text: 'Decisions', collapsed: true, items: pagesIn('docs/decisions').map(entry) },
      { text: 'The project', items: ['CHANGELOG.md', 'CONTRIBUTING.md', 'AGENTS.md'].map(entry) },
    ],
  },
})
