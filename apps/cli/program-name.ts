/** How people call the program, where npm started it: it is not on their path, and its pages are in node_modules. */
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

/** Of `npx undiffuse …`, and of `npm start` in a checkout, where npx finds it too. */
const byNpm: readonly (string | undefined)[] = ['exec', 'start']

type Environment = Readonly<Record<string, string | undefined>>

/** What a command line begins with: `undiffuse` or `npx undiffuse`. */
export const programName = ({ npm_command: command }: Environment = process.env): string =>
  byNpm.includes(command) ? 'npx undiffuse' : 'undiffuse'

const packageFolder = dirname(createRequire(import.meta.url).resolve('undiffuse/package.json'))

/** A page of the package, from the folder where somebody stands: nearer than the root, or whole. */
function pageAt(page: string, folder: string): string {
  const path = relative(folder, join(packageFolder, page))
  return path.startsWith('..') ? join(packageFolder, page) : path
}

/**
 * A text for people: command lines between backticks begin as they are to be typed, and pages of the package are where they
 * can be opened.
 */
export const asTyped = (text: string, environment: Environment = process.env, folder = process.cwd()): string =>
  text
    .replace(/(?<=`)undiffuse(?=[ `])/g, programName(environment))
    .replace(/(?<![\w/\\.])docs\/[\w-]+\.md/g, (page) => pageAt(page, folder))
