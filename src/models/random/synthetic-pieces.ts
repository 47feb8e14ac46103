/**
 * The files of a T5 tokenizer with made-up pieces, for folders of random weights: every text has tokens, and they mean
 * nothing. Not a way to train a vocabulary.
 */

const letters = [...'abcdefghijklmnopqrstuvwxyz']
const space = '▁'
/** Tokens that T5 fills gaps with. */
const extraTokens = 100

/** Pieces of letters, at the beginning of a word and inside, short ones first. */
function* pieces(): Generator<string> {
  let stems = ['']
  for (;;) {
    stems = stems.flatMap((stem) => letters.map((letter) => stem + letter))
    for (const stem of stems) {
      yield space + stem
      yield stem
    }
  }
}

const printable = Array.from({ length: 94 }, (_, i) => String.fromCodePoint(33 + i))

/**
 * tokenizer.json and tokenizer_config.json of a vocabulary of `size` tokens, at least 198: padding, end, unknown, signs, made-up
 * pieces, and the tokens for gaps, in T5's order. A piece is the less probable the later it stands.
 */
export function syntheticPieces(size: number): Readonly<Record<string, string>> {
  const special = ['<pad>', '</s>', '<unk>']
  const words = new Set([space, ...printable])
  for (const piece of pieces()) {
    if (special.length + words.size + extraTokens >= size) break
    words.add(piece)
  }
  const extra = Array.from({ length: extraTokens }, (_, i) => `<extra_id_${extraTokens - 1 - i}>`)
  const zero = (names: readonly string[]) => names.map((name) => [name, 0])
  const vocabulary = [...zero(special), ...[...words].map((word, i) => [word, -Math.log(i + 2)]), ...zero(extra)]
  const added = [...special, ...extra].map((content) => ({
    id: vocabulary.findIndex(([name]) => name === content),
    content,
    lstrip: false,
    normalized: false,
    rstrip: false,
    single_word: false,
    special: true,
  }))
  const metaspace = { type: 'Metaspace', replacement: space, prepend_scheme: 'always', split: true }
  const end = { id: '</s>', ids: [1], tokens: ['</s>'] }
  return {
    'tokenizer.json': JSON.stringify({
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace] },
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
        pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
        special_tokens: { '</s>': end },
      },
      decoder: metaspace,
      model: { type: 'Unigram', unk_id: 2, vocab: vocabulary, byte_fallback: false },
    }),
    'tokenizer_config.json': `${JSON.stringify(
      {
        eos_token: '</s>',
        extra_ids: extraTokens,
        model_max_length: 512,
        pad_token: '<pad>',
        tokenizer_class: 'T5Tokenizer',
        unk_token: '<unk>',
      },
      undefined,
      2,
    )}\n`,
  }
}
