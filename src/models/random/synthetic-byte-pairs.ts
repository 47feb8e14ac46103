/**
 * The files of a Qwen tokenizer with made-up merges, for folders of random weights: every text has tokens, and they mean
 * nothing. Not a way to train a vocabulary.
 */
import { byteCharacters } from '../text/byte-characters.js'
import { qwenSplitting } from '../text/qwen-tokenizer.js'

const letters = [...'abcdefghijklmnopqrstuvwxyz']
/** A space, as bytes are written. */
const space = 'Ġ'

/** Two pieces that are tokens already: a space and letters, or letters alone, then one letter more; short ones first. */
function* pairs(): Generator<readonly [string, string]> {
  let stems: readonly string[] = [space, ...letters]
  for (;;) {
    for (const stem of stems) for (const letter of letters) yield [stem, letter]
    stems = stems.flatMap((stem) => letters.map((letter) => stem + letter))
  }
}

const special = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
const thinking = ['<think>', '</think>']

/** One message of a user and the beginning of an answer, which thinks first where nothing is said. */
const chatTemplate = `{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}
{{- '<think>\\n\\n</think>\\n\\n' }}
{%- endif %}
{%- endif %}`

/**
 * tokenizer.json, tokenizer_config.json and chat_template.jinja of a vocabulary of `size` tokens, at least 261: 256 bytes,
 * merges, and the tokens of chats.
 */
export function syntheticBytePairs(size: number): Readonly<Record<string, string>> {
  const words = [...byteCharacters()]
  const merges: (readonly [string, string])[] = []
  for (const pair of pairs()) {
    if (words.length + special.length + thinking.length >= size) break
    words.push(pair.join(''))
    merges.push(pair)
  }
  const token = (content: string, id: number) => ({
    id,
    content,
    lstrip: false,
    normalized: false,
    rstrip: false,
    single_word: false,
    special: special.includes(content),
  })
  return {
    'tokenizer.json': JSON.stringify({
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [...special, ...thinking].map((content, i) => token(content, words.length + i)),
      normalizer: { type: 'NFC' },
      pre_tokenizer: qwenSplitting,
      post_processor: null,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        unk_token: null,
        vocab: Object.fromEntries(words.map((word, id) => [word, id])),
        merges,
      },
    }),
    'tokenizer_config.json': `${JSON.stringify(
      { eos_token: '<|im_end|>', pad_token: '<|endoftext|>', tokenizer_class: 'Qwen2Tokenizer' },
      undefined,
      2,
    )}\n`,
    'chat_template.jinja': chatTemplate,
  }
}
