/**
 * The package as people get it: packed from a clean clone, installed in an empty folder outside the project.
 *
 * The clone holds what git knows, with changes that are not committed yet. What is built already from the same sources is
 * not built again: the compiler compares contents, and whatever has no source in the clone stays behind.
 */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
/** npm is a script on Windows. */
const shell = process.platform === 'win32'
const maxBuffer = 2 ** 26

export interface Installed {
  /** The folder in which it is installed. */
  readonly folder: string
  /** Paths in the tarball. */
  readonly files: ReadonlySet<string>
  readonly packedBytes: number
  readonly unpackedBytes: number
  /** Runs a JavaScript program in the folder; what it prints. */
  node(name: string, code: string, ...words: readonly string[]): Promise<string>
  /** Runs a program that the package ships; what it prints. */
  shipped(path: string, ...words: readonly string[]): Promise<string>
  /** Runs the installed command. */
  undiffuse(...words: readonly string[]): Promise<string>
  remove(): Promise<void>
}

async function cleanClone(folder: string): Promise<string> {
  const clone = join(folder, 'clone')
  await run('git', ['clone', '--quiet', root, clone])
  const { stdout: changes } = await run('git', ['diff', 'HEAD', '--binary'], { cwd: root, maxBuffer })
  if (changes !== '') {
    await writeFile(join(folder, 'changes.patch'), changes)
    await run('git', ['apply', join(folder, 'changes.patch')], { cwd: clone })
  }
  return clone
}

async function build(clone: string): Promise<void> {
  const sources = new Set(await readdir(clone, { recursive: true }))
  const isOf = (name: string) =>
    ['.ts', '.js'].some((ending) => sources.has(name.replace(/(\.d\.ts|\.js|\.js\.map)$/, ending)))
  const built = (await readdir(join(root, 'dist'), { recursive: true })).filter(
    (name) => name.endsWith('.tsbuildinfo') || (/\.(js|d\.ts|js\.map)$/.test(name) && isOf(name)),
  )
  for (const name of built) {
    const path = join(clone, 'dist', name)
    await mkdir(dirname(path), { recursive: true })
    await copyFile(join(root, 'dist', name), path)
  }
  // Nothing is written there: `ensure.mjs`, which installs, does not run.
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'), 'junction')
  await run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'], { cwd: clone })
}

/** Clones, builds, packs and installs; leaves nothing where one of these fails. */
export async function install(): Promise<Installed> {
  const temporary = await mkdtemp(join(tmpdir(), 'undiffuse-package-'))
  try {
    return await installIn(temporary)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw error
  }
}

async function installIn(temporary: string): Promise<Installed> {
  const clone = await cleanClone(temporary)
  await build(clone)
  const pack = ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', temporary]
  const { stdout } = await run('npm', pack, { cwd: clone, shell, maxBuffer })
  const [packed] = JSON.parse(stdout) as readonly [
    {
      readonly filename: string
      readonly size: number
      readonly unpackedSize: number
      readonly files: readonly { readonly path: string }[]
    },
  ]
  const folder = join(temporary, 'empty')
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n')
  const words = ['install', join(temporary, packed.filename), '--ignore-scripts', '--no-audit', '--no-fund']
  // Without a network where npm has everything in its cache.
  const installing = (how: string) => run('npm', [...words, '--loglevel=error', how], { cwd: folder, shell, maxBuffer })
  await installing('--offline').catch(() => installing('--prefer-offline'))
  const command = JSON.parse(await readFile(join(folder, 'node_modules', 'undiffuse', 'package.json'), 'utf8')).bin

  const inPackage = (path: string) => join(folder, 'node_modules', 'undiffuse', path)
  const node = async (file: string, words: readonly string[]) =>
    (await run(process.execPath, [file, ...words], { cwd: folder, maxBuffer })).stdout
  return {
    folder,
    files: new Set(packed.files.map(({ path }) => path)),
    packedBytes: packed.size,
    unpackedBytes: packed.unpackedSize,
    async node(name, code, ...words) {
      const file = join(folder, name)
      await writeFile(file, code)
      return await node(file, words)
    },
    shipped: (path, ...words) => node(inPackage(path), words),
    undiffuse: (...words) => node(inPackage(command.undiffuse), words),
    remove: () => rm(temporary, { recursive: true, force: true }),
  }
}
