/** Plain English in everything that users read: pages, the changelog, messages and help. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { faultOf, markdownSentences, type Sentence, sourceSentences, wordsIn } from './english.js'
import { root, sourceFiles } from './imports.js'

const pagesIn = async (folder: string) =>
  (await readdir(join(root, folder))).filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`)

/** Docstrings of methods are the pages of docs/methods. */
const pages = ['README.md', 'CHANGELOG.md', ...(await pagesIn('docs')), ...(await pagesIn('docs/methods'))]

const faultsIn = (sentences: readonly Sentence[]): readonly string[] =>
  sentences.flatMap((one) => {
    const fault = faultOf(one)
    return fault === undefined ? [] : [`line ${one.line} ${fault}: ${one.text}`]
  })

describe('the check', () => {
  const long = `${'word '.repeat(31).trim()}.`
  it('finds sentences that are too long, and odd phrases', () => {
    expect(faultsIn(markdownSentences(long))).toEqual([expect.stringContaining('has 31 words')])
    expect(faultsIn(markdownSentences('It takes a value that is none.'))).toHaveLength(1)
    expect(faultsIn(markdownSentences('It was a file that is no picture.'))).toHaveLength(1)
    expect(faultsIn(markdownSentences('It is a name that is no longer used.'))).toHaveLength(0)
    expect(faultsIn(markdownSentences('Who moves a picture moves its noise.'))).toHaveLength(1)
    expect(faultsIn(markdownSentences('Who moves it?'))).toEqual([])
    expect(faultsIn(sourceSentences(`throw expected('a', \`${long} \${x}\`)`))).toHaveLength(1)
  })

  it('reads prose, not code and not cells', () => {
    const page = `# Head\n\nOne \`two three\`.\nFour [five](six) e.g. seven. Eight.\n\n- nine\n- ten\n\n| ${long} |\n\n\`\`\`\n${long}\n\`\`\``
    expect(markdownSentences(page).map(({ text }) => text)).toEqual([
      'Head',
      'One Code.',
      'Four five e.g. seven.',
      'Eight.',
      'nine',
      'ten',
    ])
    expect(wordsIn('x′ = (σ′/σ)·x + 3 is a step')).toBe(3)
  })
})

it.each(pages)('%s is plain English', async (page) => {
  expect(faultsIn(markdownSentences(await readFile(join(root, page), 'utf8')))).toEqual([])
})

it('messages, options and help are plain English', async () => {
  const found: string[] = []
  for (const { path } of await sourceFiles(['src', 'apps'])) {
    const faults = faultsIn(sourceSentences(await readFile(join(root, path), 'utf8')))
    found.push(...faults.map((fault) => `${path}, ${fault}`))
  }
  expect(found).toEqual([])
})
