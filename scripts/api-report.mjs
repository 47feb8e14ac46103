/**
 * The surface of the package as text: of every door each exported name with its declaration, as the compiler writes it, and
 * what those declarations speak of without its being exported. `npm run api` writes api/ (the project must be built); a test
 * holds the files against the sources, so that a change of the surface is seen where it is reviewed.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = join(root, 'api')
const types = join(root, 'dist', 'src')

const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed })

/** The statement that declares something: of a variable the whole line. */
const statementOf = (node) => (ts.isVariableDeclaration(node) ? node.parent.parent : node)

const printed = (node) => {
  const statement = statementOf(node)
  const text = printer.printNode(ts.EmitHint.Unspecified, statement, node.getSourceFile())
  const plain = text
    .replace(/^export (declare )?|^declare /, '')
    .replaceAll(/\b(description|title|source|unit|word): "(?:[^"\\]|\\.)*"/g, '$1: string')
    // The compiler writes alternatives in the order in which it met them.
    .replaceAll(/"[^"\n]*"(?: \| "[^"\n]*")+/g, (union) => union.split(' | ').sort().join(' | '))
    .trim()
  return short(plain)
}

/** Inferred types of lists of methods and of fields are longer than anybody reads: their beginning, and what tells a change. */
const longest = 3000
const inferred = '… // inferred:'
const short = (text) => {
  if (text.length <= longest) return text
  // The compiler orders the members of unions by what it saw first, which a build on top of another changes: words, sorted.
  const words =
    text
      .match(/[\w$'-]+/g)
      ?.sort()
      .join(' ') ?? ''
  const digest = createHash('sha256').update(words).digest('hex').slice(0, 12)
  return `${text.slice(0, text.indexOf(':') + 1)} ${inferred} ${text.length} characters, sha256 ${digest}`
}

/** Doors by the name that users import, with the file of their types. */
function doors() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Object.entries(exports).flatMap(([door, to]) =>
    typeof to === 'string' ? [] : [{ name: posix.join('undiffuse', door), file: join(root, to.types) }],
  )
}

const code = (declarations) => (declarations.length > 0 ? `\n\`\`\`ts\n${declarations.join('\n')}\n\`\`\`\n` : '')

/** Pages by their names. */
export function apiPages() {
  const all = doors()
  const options = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, skipLibCheck: true, types: [] }
  const program = ts.createProgram(
    all.map(({ file }) => file),
    options,
  )
  const checker = program.getTypeChecker()
  const resolved = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)
  const isOurs = (node) => node.getSourceFile().fileName.startsWith(types.replaceAll('\\', '/'))
  const declarationsOf = (symbol) => (symbol.declarations ?? []).filter(isOurs)
  const exportsOf = (symbol) =>
    checker
      .getExportsOfModule(symbol)
      .map((one) => ({ name: one.name, symbol: resolved(one) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))

  /** Symbols that have been printed, with the door that has them; and what they speak of. */
  const printedIn = new Map()
  const spokenOf = new Set()

  function listen(node) {
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node)
      if (symbol) spokenOf.add(resolved(symbol))
    }
    ts.forEachChild(node, listen)
  }

  function texts(symbol, name) {
    return declarationsOf(symbol).flatMap((declaration) => {
      if (ts.isSourceFile(declaration)) {
        const inner = exportsOf(symbol).flatMap((one) => texts(one.symbol, one.name))
        return [`namespace ${name} {\n${inner.join('\n').replace(/^(?=.)/gm, '    ')}\n}`]
      }
      listen(statementOf(declaration))
      return [`${symbol.name === name ? '' : `// as ${name}\n`}${printed(declaration)}`]
    })
  }

  const pages = new Map()
  const rows = []
  for (const { name, file } of all) {
    const found = exportsOf(checker.getSymbolAtLocation(program.getSourceFile(file)))
    const known = found.filter(({ symbol }) => printedIn.has(symbol))
    const own = found.filter(({ symbol }) => !printedIn.has(symbol))
    for (const { symbol } of own) printedIn.set(symbol, name)
    const others = new Map()
    for (const { name, symbol } of known)
      others.set(printedIn.get(symbol), [...(others.get(printedIn.get(symbol)) ?? []), name])
    const page = `${name.replaceAll('/', '-')}.md`
    const also = [...others].map(
      ([door, names]) => `\nAs in \`${door}\`: ${names.map((one) => `\`${one}\``).join(', ')}.\n`,
    )
    pages.set(page, `# ${name}\n${also.join('')}${code(own.flatMap(({ symbol, name }) => texts(symbol, name)))}`)
    rows.push(`| [\`${name}\`](${page}) | ${found.length} |`)
  }

  const hidden = new Map()
  // What is spoken of speaks of more: the set grows while it is walked.
  for (const symbol of spokenOf) {
    const declarations = declarationsOf(symbol).filter((one) => ts.isSourceFile(statementOf(one).parent))
    if (printedIn.has(symbol) || declarations.length === 0) continue
    for (const one of declarations) listen(statementOf(one))
    const texts = declarations.map(printed).filter((text) => !text.includes(inferred))
    if (texts.length > 0) hidden.set(symbol, texts)
  }
  const sorted = [...hidden].sort(([a, [first]], [b, [second]]) =>
    a.name < b.name || (a.name === b.name && first < second) ? -1 : 1,
  )
  pages.set('not-exported.md', `# Spoken of, and not exported\n${code(sorted.flatMap(([, texts]) => texts))}`)
  rows.push(`| [spoken of, and not exported](not-exported.md) | ${hidden.size} |`)
  const how =
    'Every name that the package exports, with its declaration, written by `npm run api`. A change of the surface is a change of\nthese files. Explanations and examples are in the reference of the site (`npm run site`).'
  pages.set(
    'README.md',
    `# The surface of the package\n\n${how}\n\n| import | names |\n| --- | --- |\n${rows.join('\n')}\n`,
  )
  return pages
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await rm(target, { recursive: true, force: true })
  await mkdir(target)
  const pages = apiPages()
  for (const [name, text] of pages) await writeFile(join(target, name), text)
  console.log(`wrote ${pages.size} files to api/`)
}
