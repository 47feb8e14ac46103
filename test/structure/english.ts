/** Prose as users read it, cut into sentences, and what plain English does not have. */
import ts from 'typescript'

/** Longer sentences are not read. The rule for writing is 25; a check leaves room for names and numbers. */
export const mostWords = 30

/** Turns of phrase that readers stumble over, from the review of the house. */
export const oddPhrases: readonly RegExp[] = [
  /\b(?:which|that|who) (?:is|are) none\b/i,
  /\bthat (?:is|are) no (?!longer\b|more\b)/i,
  /\bwhat (?:is|are) no\b/i,
  /\bof (?:which|whom)\b/i,
  /^(?:And |But )?Who \w+s\b(?![^?]*\?)/,
]

export interface Sentence {
  /** Line of the text where its paragraph begins. */
  readonly line: number
  readonly text: string
}

/** Code, links and marks are left out; code within a line counts as one word, and so does a list of it. */
const plain = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/`[^`]*`(?:(?:,| and| or|, and|, or| to) `[^`]*`)*/g, 'Code')
    .replace(/\*\*/g, '')
    .trim()

/** A sentence ends with `.`, `!` or `?` before a space; not after a number of a list, an initial or a usual short form. */
const sentencesOf = (text: string): readonly string[] =>
  plain(text)
    .split(/(?<=[^\s.][.!?][)”"’]?)(?<!\b(?:al|eq|vs|cf|e\.g|i\.e|No|Fig)\.) (?=[^a-z])/)
    .filter((one) => one !== '')

/** Words have letters: numbers and signs of equations do not count. */
export const wordsIn = (sentence: string): number =>
  sentence.split(' ').filter((word) => /\p{L}{2}|^[aAI]$/u.test(word)).length

/**
 * The sentences of a Markdown page. Blocks of code and cells of tables are left out: code is no prose, and cells are
 * captions of numbers. Headings and points of lists are paragraphs of their own.
 */
export function markdownSentences(page: string): readonly Sentence[] {
  const found: Sentence[] = []
  let paragraph: { readonly line: number; text: string } | undefined
  let isCode = false
  const end = () => {
    if (paragraph) for (const text of sentencesOf(paragraph.text)) found.push({ line: paragraph.line, text })
    paragraph = undefined
  }
  for (const [i, line] of page.split('\n').entries()) {
    if (/^\s*```/.test(line)) {
      isCode = !isCode
      end()
    } else if (isCode) continue
    else if (line.trim() === '' || /^\s*\|/.test(line) || /^---$/.test(line)) end()
    else if (/^\s*(?:#+|[-*]|\d+\.) /.test(line)) {
      end()
      paragraph = { line: i + 1, text: line.replace(/^\s*(?:#+|[-*]|\d+\.) /, '') }
    } else if (paragraph) paragraph.text += ` ${line}`
    else paragraph = { line: i + 1, text: line }
  }
  end()
  return found
}

/** Texts of a source file: strings and templates, joined where `+` joins them; an expression in a template is one word. */
export function sourceSentences(source: string): readonly Sentence[] {
  const file = ts.createSourceFile('file.ts', source, ts.ScriptTarget.ES2023, true)
  const found: Sentence[] = []
  const visit = (node: ts.Node): void => {
    const text = ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) ? node.text : templateText(node)
    if (text !== undefined && !ts.isImportDeclaration(node.parent)) {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart())
      for (const paragraph of text.split(/\n\s*\n|\n(?= )/)) {
        for (const sentence of sentencesOf(paragraph)) found.push({ line: line + 1, text: sentence })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function templateText(node: ts.Node): string | undefined {
  if (!ts.isTemplateExpression(node)) return undefined
  return node.head.text + node.templateSpans.map(({ literal }) => `value${literal.text}`).join('')
}

/** What is wrong with a sentence; undefined where nothing is. */
export function faultOf({ text }: Sentence): string | undefined {
  const phrase = oddPhrases.find((odd) => odd.test(text))
  if (phrase) return `says “${phrase.exec(text)![0]}”`
  const words = wordsIn(text)
  return words > mostWords ? `has ${words} words` : undefined
}
