import { type ChildProcess, spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

/**
 * What becomes of the processes when a host ends, is killed, or loses its child: seen from outside, on hosts of their own
 * that run the package as plain JavaScript.
 */

const repository = fileURLToPath(new URL('..', import.meta.url))
let folder: string

/** The floors that the runtime stands on, as `tsc` would build them. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'undiffuse-test-'))
  mkdirSync(join(folder, 'temporary'))
  for (const floor of ['math', 'core', 'graph', 'runtimes']) {
    for (const name of readdirSync(join(repository, 'src', floor), { recursive: true, encoding: 'utf8' })) {
      const from = join(repository, 'src', floor, name)
      const to = join(folder, 'src', floor, name)
      mkdirSync(dirname(to), { recursive: true })
      if (name.endsWith('.js')) copyFileSync(from, to)
      if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue
      const compilerOptions = {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        verbatimModuleSyntax: true,
      }
      const { outputText } = ts.transpileModule(readFileSync(from, 'utf8'), { compilerOptions })
      writeFileSync(to.replace(/\.ts$/, '.js'), outputText)
    }
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
})

afterAll(() => rmSync(folder, { recursive: true }))

const prelude = `
import { ortNode } from './src/runtimes/onnxruntime-node/index.js'
import { tensor } from './src/math/tensor.js'
const shape = [1, 1]
const int64 = (...values) => ({ dtype: 'int64', shape: [2], storage: { bytes: new Uint8Array(BigInt64Array.from(values).buffer) } })
const node = (op, inputs, output) => ({ op, domain: '', name: output, inputs, outputs: [output], attributes: {} })
const products = (count) => ({
  name: 'small',
  inputs: [{ name: 'x', dtype: 'float32', shape }],
  outputs: [{ name: 'y', dtype: 'float32', shape }],
  nodes: [
    node('Expand', ['x', 'size'], 'power0'),
    ...Array.from({ length: count }, (_, i) => node('MatMul', ['power' + i, 'power0'], 'power' + (i + 1))),
    node('ReduceMax', ['power' + count], 'y'),
  ],
  initializers: new Map([['size', int64(1024n, 1024n)]]),
  types: new Map(),
})
const feeds = { x: tensor(shape, [1 / 1024]) }
const say = (what) => process.stdout.write(what + '\\n')
const runtime = ortNode({ temporaryFolder: TEMPORARY, onLost: (how) => say('lost by ' + how) })
`

interface Host {
  readonly process: ChildProcess
  /** Resolves when the host has said this. */
  said(what: string): Promise<void>
  readonly end: Promise<{ readonly code: number | null; readonly signal: string | null; readonly said: string }>
}

const hosts: ChildProcess[] = []
afterEach(() => {
  for (const process of hosts) process.kill('SIGKILL')
})

function host(script: string): Host {
  const file = join(folder, `host-${hosts.length}.js`)
  writeFileSync(file, prelude.replace('TEMPORARY', JSON.stringify(join(folder, 'temporary'))) + script)
  const process = spawn(globalThis.process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] })
  hosts.push(process)
  let said = ''
  const listeners = new Set<() => void>()
  for (const stream of [process.stdout, process.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
      for (const listener of listeners) listener()
    })
  }
  return {
    process,
    said: (what) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (said.includes(what)) resolve()
        }
        listeners.add(look)
        look()
        process.once('close', () => reject(new Error(`the host ended without saying ${what}: ${said}`)))
      }),
    end: new Promise((resolve) => process.once('close', (code, signal) => resolve({ code, signal, said }))),
  }
}

/** The children of a process, on Linux. */
const childrenOf = (pid: number | undefined): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)

/** A process that has ended but was not waited for counts as gone: its memory is. */
function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false
  const state = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]
  return !state?.startsWith('Z')
}

async function goneWithin(pid: number, milliseconds: number): Promise<boolean> {
  for (const end = performance.now() + milliseconds; performance.now() < end; ) {
    if (!isAlive(pid)) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return !isAlive(pid)
}

/** The thread that looks for the parent does so twice a second; the machine may be busy. */
const PATIENCE_MILLISECONDS = 5000

it('a host with an idle runtime open ends by itself, with its work done and nothing said', async () => {
  const { code, said } = await host(`
    const session = await runtime.open(products(1))
    const { y } = await session.run(feeds)
    say('y is ' + y.data[0] * 1024)
  `).end
  expect({ code, said }).toEqual({ code: 0, said: 'y is 1\n' })
})

it('a host that waits for a run is kept alive by it, and by closing', async () => {
  const { code, said } = await host(`
    const session = await runtime.open(products(1))
    await new Promise((resolve) => setTimeout(resolve, 50))
    await session.run(feeds)
    await session.close()
    await runtime.close()
    say('closed')
  `).end
  expect({ code, said }).toEqual({ code: 0, said: 'closed\n' })
})

describe.runIf(existsSync(`/proc/self/task/${process.pid}/children`))('on Linux', () => {
  const running = `
    const session = await runtime.open(products(3000))
    const run = session.run(feeds).catch((error) => say(error.code + ': ' + error.message))
    say('running')
  `

  it('the child goes when the host exits in the middle of a run', async () => {
    const exiting = host(`${running}
      setTimeout(() => process.exit(3), 300)
    `)
    await exiting.said('running')
    const [child] = childrenOf(exiting.process.pid)
    expect((await exiting.end).code).toBe(3)
    expect(await goneWithin(child!, PATIENCE_MILLISECONDS)).toBe(true)
    expect(readdirSync(join(folder, 'temporary'))).toEqual([])
  })

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'the child goes when the host is ended by %s in the middle of a run',
    async (signal) => {
      const killed = host(running)
      await killed.said('running')
      const [child] = childrenOf(killed.process.pid)
      await new Promise((resolve) => setTimeout(resolve, 300))
      killed.process.kill(signal)
      expect((await killed.end).signal).toBe(signal)
      expect(await goneWithin(child!, PATIENCE_MILLISECONDS)).toBe(true)
    },
  )

  it('a child that dies in the middle of a run fails it, with both causes, and the next run works', async () => {
    const bereft = host(`${running}
      await run
      const short = await runtime.open(products(1))
      const { y } = await short.run(feeds)
      say('y is ' + y.data[0] * 1024)
    `)
    await bereft.said('running')
    const [child] = childrenOf(bereft.process.pid)
    await new Promise((resolve) => setTimeout(resolve, 300))
    process.kill(child!, 'SIGKILL')
    const { code, said } = await bereft.end
    expect(said).toMatch(
      /runtime-failed: Expected .* got its end by signal SIGKILL\. Memory ran out, or somebody stopped .*\ny is 1\n$/s,
    )
    expect(said).toContain('\nlost by signal SIGKILL\n')
    expect(code).toBe(0)
  })

  it('a child that is killed between two runs fails nothing, and the host is told', async () => {
    const bereft = host(`
      const session = await runtime.open(products(1))
      await session.run(feeds)
      say('ran')
      await new Promise((resolve) => setTimeout(resolve, 1000))
      const { y } = await session.run(feeds)
      say('y is ' + y.data[0] * 1024)
      await runtime.close()
    `)
    await bereft.said('ran')
    const [child] = childrenOf(bereft.process.pid)
    process.kill(child!, 'SIGKILL')
    expect(await bereft.end).toMatchObject({ code: 0, said: 'ran\nlost by signal SIGKILL\ny is 1\n' })
  })

  it('an interrupt from the terminal does not end the child: the host decides', async () => {
    const patient = host(`
      const session = await runtime.open(products(1))
      say('open')
      await new Promise((resolve) => setTimeout(resolve, 500))
      await session.run(feeds)
      say('ran in ' + (await import('node:fs')).readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim())
    `)
    await patient.said('open')
    const [child] = childrenOf(patient.process.pid)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(child!, signal)
    const { code, said } = await patient.end
    expect({ code, said }).toEqual({ code: 0, said: `open\nran in ${child}\n` })
  })
})
