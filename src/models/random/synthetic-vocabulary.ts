/**
 * The files of a CLIP tokenizer with made-up merges, for folders of random weights: every text has tokens, and they mean
 * nothing. Not a way to train a vocabulary.
 */
import { byteCharacters } from '../text/byte-characters.js'

const letters = [...'abcdefghijklmnopqrstuvwxyz']
const endOfWord = '</w>'

/** Two pieces that are tokens already: pairs of letters, then of a pair and a letter, then one longer. */
function* pairs(): Generator<readonly [string, string]> {
  let stems = letters
  for (;;) {
    const next: string[] = []
    for (const stem of stems) {
      for (const letter of letters) {
        yield [stem, letter + endOfWord]
        yield [stem, letter]
        next.push(stem + letter)
      }
    }
    stems = next
  }
}

const token = (content: string) => ({
  __type: 'AddedToken',
  content,
  lstrip: false,
  normalized: true,
  rstrip: false,
  single_word: false,
})

/**
 * vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json of a vocabulary of `size` tokens, at least
 * 514: 256 bytes, 256 bytes that end a word, merges, start and end of the text, in CLIP's order.
 */
export function syntheticVocabulary(
  size: number,
  { maximumLength, padding }: { readonly maximumLength: number; readonly padding: string },
): Readonly<Record<string, string>> {
  const start = '<|startoftext|>'
  const end = '<|endoftext|>'
  const bytes = byteCharacters()
  const words = [...bytes, ...bytes.map((byte) => byte + endOfWord)]
  const merges: string[] = []
  for (const [left, right] of pairs()) {
    if (words.length + 2 >= size) break
    words.push(left + right)
    merges.push(`${left} ${right}`)
  }
  const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`
  return {
    'vocab.json': JSON.stringify(Object.fromEntries([...words, start, end].map((word, id) => [word, id]))),
    'merges.txt': `#version: 0.2\n${merges.join('\n')}\n`,
    'tokenizer_config.json': json({
      add_prefix_space: false,
      bos_token: token(start),
      do_lower_case: true,
      eos_token: token(end),
      errors: 'replace',
      model_max_length: maximumLength,
      pad_token: padding,
      tokenizer_class: 'CLIPTokenizer',
      unk_token: token(end),
    }),
    'special_tokens_map.json': json({ bos_token: start, eos_token: end, pad_token: padding, unk_token: end }),
  }
}
