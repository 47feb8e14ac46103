/** Which file imports which: read from the source text, types and `import()` included. */
import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface SourceFile {
  /** From the root of the project, with slashes: `src/math/tensor.ts`. */
  readonly path: string
  /** Files of the project that it imports. */
  readonly files: readonly string[]
  /** Packages that it imports, as it names them: `sharp`, `undiffuse/node`, `node:fs`. */
  readonly packages: readonly string[]
}

/** `./tensor.js` in `src/math/noise.ts` is `src/math/tensor.ts`; JavaScript that runs unbuilt keeps its name. */
const resolved = (from: string, specifier: string, known: ReadonlySet<string>): string => {
  const path = posix.join(posix.dirname(from), specifier)
  const typed = path.replace(/\.js$/, '.ts')
  return known.has(typed) ? typed : path
}

/** Every source file below some folders, tests left out. */
export async function sourceFiles(folders: readonly string[]): Promise<readonly SourceFile[]> {
  const paths: string[] = []
  for (const folder of folders) {
    for (const name of await readdir(join(root, folder), { recursive: true })) {
      if (/\.(ts|js)$/.test(name) && !/\.test\.ts$/.test(name))
        paths.push(posix.join(folder, name.replaceAll('\\', '/')))
    }
  }
  const known = new Set(paths)
  return Promise.all(
    paths.sort().map(async (path) => {
      const { importedFiles } = ts.preProcessFile(await readFile(join(root, path), 'utf8'), true, true)
      const specifiers = importedFiles.map(({ fileName }) => fileName)
      const local = specifiers.filter((specifier) => specifier.startsWith('.'))
      return {
        path,
        files: [...new Set(local.map((specifier) => resolved(path, specifier, known)))],
        packages: [...new Set(specifiers.filter((specifier) => !specifier.startsWith('.')))],
      }
    }),
  )
}

/**
 * Groups of files that import each other in a circle: the strongly connected components of more than one file, and
 * files that import themselves. Tarjan, SIAM J. Comput. 1 (1972).
 */
export function circles(files: readonly SourceFile[]): readonly (readonly string[])[] {
  const importsOf = new Map(files.map(({ path, files }) => [path, files]))
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (path: string): void => {
    order.set(path, order.size)
    lowest.set(path, order.get(path)!)
    stack.push(path)
    for (const next of importsOf.get(path) ?? []) {
      if (!order.has(next)) visit(next)
      if (stack.includes(next)) lowest.set(path, Math.min(lowest.get(path)!, lowest.get(next)!))
    }
    if (lowest.get(path) !== order.get(path)) return
    const group = stack.splice(stack.indexOf(path))
    if (group.length > 1 || importsOf.get(path)?.includes(path)) found.push(group.sort())
  }
  for (const { path } of files) if (!order.has(path)) visit(path)
  return found
}
