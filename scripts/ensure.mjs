// Makes a fresh clone ready: installs what package-lock.json names, then builds. Does nothing that is already done.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stamp = join(root, 'node_modules', '.undiffuse-lock')
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Expected Node 20.19 or later for undiffuse, got ${process.versions.node}. Install a newer Node.`)
  process.exit(1)
}

function run(command, args, environment = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    // Whatever setting up prints goes to stderr, so that `npm start -- … --json` keeps stdout clean.
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...environment },
    shell: process.platform === 'win32',
  })
  if (error || status !== 0) process.exit(status || 1)
}

const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  // The CPU and WebGPU binaries are inside onnxruntime-node; its install script only fetches CUDA's, and fails without.
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  // `npm pack --dry-run` hands its dry run down.
  run('npm', ['ci', '--dry-run=false', ...quiet], { ONNXRUNTIME_NODE_INSTALL: 'skip' })
  writeFileSync(stamp, lock)
}
run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'])

// `npx undiffuse` finds the commands of other packages by itself, but not this one's.
const command = join(root, 'node_modules', '.bin', 'undiffuse')
const entry = join('..', '..', 'dist', 'apps', 'cli', 'main.js')
if (process.platform === 'win32') writeFileSync(`${command}.cmd`, `@node "%~dp0${entry}" %*\r\n`)
else {
  chmodSync(join(dirname(command), entry), 0o755)
  if (!existsSync(command)) symlinkSync(entry, command)
}
