/** What the documentation says of the house is true of it, and the library speaks to no app in particular. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { strangeWords, type Vocabulary } from '../../src/model/vocabulary.js'
import { rooms } from './floors.js'
import { root, sourceFiles } from './imports.js'

const text = (path: string) => readFile(join(root, path), 'utf8')

describe('AGENTS.md', () => {
  it('is short', async () => {
    expect((await text('AGENTS.md')).trimEnd().split('\n').length).toBeLessThanOrEqual(120)
  })

  it('names every room of the table of floors that there is, on its floor', async () => {
    const map = await text('AGENTS.md')
    const rows = [...map.matchAll(/^\| (\d) \| ([^|]*) \|/gm)].map(([, floor, names]) => ({
      floor: Number(floor),
      names: [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
    }))
    for (const { path, floor } of rooms.filter(({ path }) => existsSync(join(root, path)))) {
      const row = rows.find(({ names }) => names.some((name) => path === name || path.startsWith(`${name}/`)))
      expect(row?.floor, path).toBe(floor)
    }
  })
})

describe('documentation', async () => {
  const pages = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)
  it.each(['AGENTS.md', 'CONTRIBUTING.md', 'README.md', ...pages])('%s names files that there are', async (page) => {
    const named = (await text(page)).matchAll(/`((?:src|apps|test|training|measurements|scripts|docs)\/[\w./-]+)`/g)
    expect([...named].map(([, path]) => path!).filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})

describe('first steps', () => {
  const blocks = (page: string) => [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block!)
  const commands = (block: string) =>
    block
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+#.*$/, ''))

  it.each(['README.md', 'docs/getting-started.md'])('%s begin with what an installed package can do', async (page) => {
    const whole = await text(page)
    expect(commands(blocks(whole)[0]!)).toEqual(['npm install undiffuse', 'npx undiffuse'])
    const { version } = JSON.parse(await text('package.json'))
    expect([...whole.matchAll(/undiffuse-([\d.]+)\.tgz/g)].map(([, named]) => named)).toEqual([version])
  })

  it('a checkout has two commands', async () => {
    const [, checkout] = (await text('README.md')).split(/^## .*checkout$/m)
    expect(commands(blocks(checkout!)[0]!)).toEqual(['npm start', 'npm test'])
  })
})

/** The places of a page that links may name, as GitHub and the site call them: headings in small letters with dashes. */
const placesOf = (page: string): ReadonlySet<string> =>
  new Set(
    [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

describe('links between pages', async () => {
  const folders = ['docs', 'docs/methods', 'docs/decisions']
  const inFolders = await Promise.all(
    folders.map(async (folder) => (await readdir(join(root, folder))).map((name) => `${folder}/${name}`)),
  )
  const pages = [
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    ...inFolders.flat().filter((name) => name.endsWith('.md')),
  ]

  it('lead somewhere', async () => {
    const broken: string[] = []
    for (const page of pages) {
      const links = [...(await text(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
      for (const link of links.filter((one) => !/^[a-z]+:/.test(one))) {
        const [path, place] = link.split('#') as [string, string?]
        const target = path === '' ? page : posix.join(posix.dirname(page), path)
        const isThere = existsSync(join(root, target)) && (!place || placesOf(await text(target)).has(place))
        if (!isThere) broken.push(`${page}: ${link}`)
      }
    }
    expect(broken).toEqual([])
  })
})

/** Texts of a source file: strings and templates, comments left out. */
function textsOf(source: string): readonly string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)) {
      found.push(node.getText())
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('file.ts', source, ts.ScriptTarget.ES2023, true))
  return found
}

describe('the library', () => {
  const advice = /\bundiffuse (?:[a-z-]+ )*[a-z-]+\\?`|--[a-z]|\bnpx |\bnpm run/

  it('knows advice when it sees it', () => {
    for (const told of ['`undiffuse doctor` lists them', '`undiffuse watermark keygen`', 'pass `--undo crop`']) {
      expect(told).toMatch(advice)
    }
    for (const plain of ['undiffuse contact sheet', 'a number from 0 to 1', 'a b -- c'])
      expect(plain).not.toMatch(advice)
  })

  it('gives no advice for a command line', async () => {
    const found: string[] = []
    for (const { path } of await sourceFiles(['src'])) {
      const source = await text(path)
      // Parsing takes its time: few files have such words at all, most of them in comments.
      if (!advice.test(source)) continue
      found.push(...textsOf(source).flatMap((words) => (advice.test(words) ? [`${path}: ${words}`] : [])))
    }
    expect(found).toEqual([])
  })
})

describe('examples of prompts', async () => {
  const { words } = JSON.parse(await text('models/undiffuse-scenes/undiffuse-vocabulary.json')) as Vocabulary
  /** Prompts in messages and in examples of help: in quotes, inside a text. */
  const prompts = (source: string): readonly string[] =>
    textsOf(source).flatMap((one) => [...one.slice(1, -1).matchAll(/"(an? [^"$]+)"/g)].map(([, prompt]) => prompt!))

  it('are found', () => {
    expect(prompts('const told = \'Say what to show, as "a red ball".\'')).toEqual(['a red ball'])
  })

  it('are in words that the bundled model knows', async () => {
    const found: string[] = []
    let count = 0
    for (const { path } of await sourceFiles(['src', 'apps'])) {
      const source = await text(path)
      if (!/"an? /.test(source)) continue
      for (const prompt of prompts(source)) {
        count++
        const strange = strangeWords(prompt, { words, examples: [] })
        if (strange.length > 0) found.push(`${path}: “${prompt}” has ${strange.join(', ')}`)
      }
    }
    expect(found).toEqual([])
    expect(count).toBeGreaterThan(10)
  })
})
