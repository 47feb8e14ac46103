/** CLIP's tokenizer from a folder's files: the ids that CLIP gives, and what is refused. */
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { syntheticVocabulary } from '../src/models/random/synthetic-vocabulary.js'
import { configHarmless, configObeyed, openTokenizer } from '../src/models/text/tokenizer.js'
import { nodeFiles } from '../src/node/files.js'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-tokenizer-'))
})
afterAll(() => rm(root, { recursive: true }))

const files = syntheticVocabulary(2000, { maximumLength: 12, padding: '!' })

async function folderOf(changes: Readonly<Record<string, string | undefined>> = {}): Promise<string> {
  const folder = await mkdtemp(join(root, 'folder-'))
  for (const [name, text] of Object.entries({ ...files, ...changes })) {
    if (text !== undefined) await writeFile(join(folder, name), text)
  }
  return folder
}

const open = async (changes?: Readonly<Record<string, string | undefined>>) =>
  openTokenizer(nodeFiles, await folderOf(changes))

/** Room for more tokens than the tests of lengths want. */
function longer(): Readonly<Record<string, string>> {
  const config = JSON.parse(files['tokenizer_config.json']!) as Record<string, unknown>
  return { 'tokenizer_config.json': JSON.stringify({ ...config, model_max_length: 40 }) }
}

/** Without start, end and padding (`!` is 0; at the end of a word 256). */
const words = (ids: readonly number[]) => ids.slice(1, ids.indexOf(1999))

describe('the order of the vocabulary', () => {
  it("is CLIP's", () => {
    const vocabulary = JSON.parse(files['vocab.json']!) as Record<string, number>
    // transformers' CLIPTokenizer: ",", "!", "1", "2", "3" and "." at the end of a word.
    expect([',', '!', '1', '2', '3', '.'].map((sign) => vocabulary[`${sign}</w>`])).toEqual([
      267, 256, 272, 273, 274, 269,
    ])
    expect(vocabulary['!']).toBe(0)
    expect(Object.keys(vocabulary).length).toBe(2000)
  })
})

describe('a prompt', () => {
  it('stands between start and end, padded to the length', async () => {
    const { encode, length, size } = await open()
    expect([length, size]).toEqual([12, 2000])
    expect(encode('a.')).toEqual([1998, 256 + 64, 269, 1999, 0, 0, 0, 0, 0, 0, 0, 0])
  })

  it('has the padding where it spells it: transformers makes it a special token', async () => {
    const { encode } = await open()
    expect(encode('a?! b').slice(0, 6)).toEqual([1998, 256 + 64, 286, 0, 256 + 65, 1999])
  })

  it('is empty', async () => {
    const { encode } = await open()
    expect(encode('').slice(0, 3)).toEqual([1998, 1999, 0])
    expect(encode(' \n\t ')).toEqual(encode(''))
  })

  it('tells the places of its words, each as many as the word has tokens', async () => {
    const { encode, places } = await open(longer())
    const prompt = '  a ball,\ton  the 12th'
    const found = places(prompt)
    const ids = encode(prompt)
    expect(found.flat()).toEqual(Array.from({ length: found.flat().length }, (_, k) => k + 1))
    expect(found.map((word) => word.map((place) => ids[place]))).toEqual(
      ['a', 'ball,', 'on', 'the', '12th'].map((word) => words(encode(word))),
    )
    expect(places('')).toEqual([])
  })

  it('pads with the end where no padding is named', async () => {
    const config = JSON.parse(files['tokenizer_config.json']!) as Record<string, unknown>
    delete config.pad_token
    const { encode } = await open({
      'tokenizer_config.json': JSON.stringify(config),
      'special_tokens_map.json': undefined,
    })
    expect(new Set(encode('a').slice(2))).toEqual(new Set([1999]))
  })

  it('is the same in other letters, spaces and compositions', async () => {
    const { encode } = await open()
    expect(encode('AB  Cd\n12')).toEqual(encode('ab cd 12'))
    expect(encode('e\u0301')).toEqual(encode('\u00e9'))
  })

  it('is split as CLIP splits it', async () => {
    const { encode } = await open()
    const vocabulary = JSON.parse(files['vocab.json']!) as Record<string, number>
    const ids = (tokens: readonly string[]) => tokens.map((token) => vocabulary[token])
    // Digits one by one, signs together, English endings apart: the pattern of OpenAI's tokenizer.
    expect(words(encode('12'))).toEqual(ids(['1</w>', '2</w>']))
    expect(words(encode("a's b"))).toEqual(ids(['a</w>', "'", 's</w>', 'b</w>']))
    expect(words(encode('a,b'))).toEqual(ids(['a</w>', ',</w>', 'b</w>']))
    // Two merges apply to "abc": "a b" comes before "ab c</w>" in merges.txt; a word never joins the next.
    expect(words(encode('ab'))).toEqual(ids(['ab</w>']))
    expect(words(encode('abc ab'))).toEqual(ids(['abc</w>', 'ab</w>']))
  })

  it('has bytes where it has no letters of the vocabulary', async () => {
    const { encode } = await open()
    // U+1F431 in UTF-8 is F0 9F 90 B1.
    expect(words(encode('\u{1F431}')).length).toBe(4)
  })

  it('is cut where it does not fit, and tells what is left out', async () => {
    const { encode, unread, places } = await open()
    const cut = encode('ab '.repeat(10_000))
    expect(cut).toEqual(encode('ab '.repeat(10)))
    expect(cut.at(-1)).toBe(1999)
    expect(unread('ab '.repeat(12))).toBe('ab ab')
    expect(unread('ab '.repeat(10))).toBe('')
    expect(places('ab '.repeat(12)).slice(8)).toEqual([[9], [10], [], []])
    expect(words(encode('ab '.repeat(10))).length).toBe(10)
    expect(() => encode('a'.repeat(1e6))).toThrowError(/text of at most 100000 characters/)
  })
})

describe('files', () => {
  it.each(['vocab.json', 'merges.txt', 'tokenizer_config.json'])('are named when missing: %s', async (name) => {
    const message = expect.stringMatching(new RegExp(`${name.replace('.', '\\.')}.*no such file`))
    await expect(open({ [name]: undefined })).rejects.toMatchObject({ code: 'bad-model', message })
  })

  it.each([
    ['vocab.json', '{"a": 0, "b": 0}', /each id once/],
    ['vocab.json', '{"a": -1}', /each id once.*got -1/],
    ['vocab.json', '{"a": 0}', /`bos_token`|two tokens/],
    ['vocab.json', '[1]', /a JSON object/],
    ['merges.txt', '#version: 0.2\na b c\n', /line 2: "a b c"/],
    ['merges.txt', 'qqq zzz\n', /line 1: "qqq zzz"/],
    ['tokenizer_config.json', '{"model_max_length": 1e30}', /integer from 2 to 65536/],
    ['special_tokens_map.json', '{"bos_token": "<none>"}', /`bos_token`.*special_tokens_map.*got "<none>"/],
    ['special_tokens_map.json', '{"pad_token": 5}', /`pad_token`.*got 5/],
  ])('are checked before they are believed: %s %s', async (name, text, message) => {
    await expect(open({ [name]: text })).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(message),
    })
  })

  it.each([
    ['{"strip_accents": true}', /`strip_accents`: true/],
    ['{"padding_side": "left"}', /`padding_side`.*got "left"/],
    ['{"split_special_tokens": true}', /`split_special_tokens`.*got true/],
  ])('are read closed: %s', async (text, message) => {
    await expect(open({ 'tokenizer_config.json': text })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(message),
    })
  })

  it('are obeyed and harmless as the lists say, and no field is both', async () => {
    const config = JSON.parse(files['tokenizer_config.json']!) as Record<string, unknown>
    const opened = (field: string) =>
      open({
        'tokenizer_config.json': JSON.stringify({ ...config, [field]: 0.5 }),
        'special_tokens_map.json': undefined,
      })
    for (const field of Object.keys(configObeyed)) {
      expect(configHarmless[field]).toBeUndefined()
      await expect(opened(field), field).rejects.toThrow(`\`${field}\``)
    }
    for (const field of Object.keys(configHarmless)) expect((await opened(field)).length, field).toBe(12)
  })

  it('of another tokenizer are unsupported', async () => {
    const attempt = open({ 'tokenizer_config.json': '{"tokenizer_class": "T5Tokenizer"}' })
    await expect(attempt).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('T5Tokenizer'),
    })
  })
})

describe("transformers' ids", () => {
  interface Case {
    readonly name: string
    readonly folder: string
    readonly changes: Readonly<Record<string, unknown>>
    /** The last id of each fills the rest up. */
    readonly ids?: readonly (readonly number[])[]
  }
  const golden = join(import.meta.dirname, 'golden')
  const { prompts, cases } = JSON.parse(readFileSync(join(golden, 'tokenizers.json'), 'utf8')) as {
    readonly prompts: readonly string[]
    readonly cases: readonly Case[]
  }
  /** Fields that say something else than what is done here, or that nothing is known of. */
  const refused = /^(extra-new|whole-left|whole-mask|whole-pad-null|whole-unknown)$/

  it.each(cases.map((each) => [each.name, each] as const))('%s', async (name, { folder, changes, ids }) => {
    const path = await mkdtemp(join(root, 'golden-'))
    await cp(join(golden, 'pipelines', folder, 'tokenizer'), path, { recursive: true })
    for (const [file, content] of Object.entries(changes)) {
      await rm(join(path, file), { force: true })
      if (content !== null) await writeFile(join(path, file), JSON.stringify(content))
    }
    if (refused.test(name)) {
      await expect(openTokenizer(nodeFiles, path)).rejects.toThrow(/`[a-z_]+`/)
      return
    }
    const { encode, length } = await openTokenizer(nodeFiles, path)
    prompts.forEach((prompt, i) => {
      const stated = ids![i]!
      expect(encode(prompt), prompt).toEqual([...stated, ...Array(length - stated.length).fill(stated.at(-1))])
    })
  })
})
