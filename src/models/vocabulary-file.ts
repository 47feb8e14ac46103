/** The words that a model was trained on, as a file beside its weights: only small models have one. */
import type { Files } from '../checkpoints/files.js'
import { vocabularyName } from '../checkpoints/fingerprint.js'
import { describe, isJsonObject, parseJsonObject, readText } from '../checkpoints/json.js'
import { expected } from '../core/errors.js'
import type { Vocabulary } from '../model/vocabulary.js'

const format = 'undiffuse-vocabulary-1'

/** The text of a vocabulary's file. */
export const vocabularyText = (vocabulary: Vocabulary): string =>
  `${JSON.stringify({ format, ...vocabulary }, undefined, 2)}\n`

const isWords = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length <= 10_000 &&
  value.every((word) => typeof word === 'string' && word !== '' && word.length <= 200)

const fields: Readonly<Record<string, (value: unknown) => boolean>> = {
  format: (value) => value === format,
  words: (value) => isJsonObject(value) && Object.values(value).every(isWords),
  examples: isWords,
}

/**
 * The vocabulary that a file's text states; every field is checked. Errors: `bad-model` naming the file and the field.
 *
 * @example const vocabulary = parseVocabulary(await nodeFiles.text('undiffuse-vocabulary.json'), 'undiffuse-vocabulary.json')
 */
export function parseVocabulary(text: string, name: string): Vocabulary {
  const object = parseJsonObject(text, name)
  const remedy = 'Use the file that the model was published with, or remove it.'
  const unknown = Object.keys(object).find((key) => !Object.hasOwn(fields, key))
  if (unknown !== undefined)
    throw expected('bad-model', 'the fields of a vocabulary', `\`${name}\``, `\`${unknown}\``, remedy)
  const invalid = Object.entries(fields).find(([key, fits]) => !fits(object[key]))
  if (invalid) {
    const got = describe(object[invalid[0]])
    throw expected('bad-model', 'a valid value', `\`${invalid[0]}\` in \`${name}\``, got, remedy)
  }
  const { words, examples } = object as unknown as Vocabulary
  return { words, examples }
}

/** The vocabulary beside a model's weights; undefined where there is none. Errors: `bad-model` for an invalid file. */
export async function vocabularyBeside(files: Files, path: string): Promise<Vocabulary | undefined> {
  const file = files.join(path, vocabularyName)
  return (await files.size(file)) === undefined ? undefined : parseVocabulary(await readText(files, file), file)
}
