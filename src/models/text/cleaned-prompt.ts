/**
 * Prompts as Wan's pipeline cleans them before its tokenizer sees them: typographic quotes straight, HTML's names for characters
 * replaced, twice, and white space made single blanks.
 *
 * Source: diffusers, `prompt_clean` in pipeline_wan.py, with ftfy's `fix_text`. What else ftfy replaces (wide letters, ligatures,
 * control characters) the tokenizer replaces too. Deviation: a text that was read in a wrong encoding is not repaired.
 */
import { decodeHTML } from 'entities'

/** White space as Python has it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts the separators of ASCII among them.
const blanks = /[\p{White_Space}\x1c-\x1f]+/gu

/** @example cleanedPrompt(' “a  cat” &amp;amp; a dog') // '"a cat" & a dog' */
export const cleanedPrompt = (prompt: string): string =>
  decodeHTML(decodeHTML(straightened(prompt)))
    .replace(blanks, ' ')
    .trim()

const straightened = (text: string): string =>
  text.replace(/[\u02bc\u2018-\u201b]/g, "'").replace(/[\u201c-\u201f]/g, '"')
