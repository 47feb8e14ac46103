/**
 * The host's end of one child process that runs networks: asks, waits, kills. It knows the protocol and nothing of
 * graphs; ort-child.js is the other side.
 */
import { fork } from 'node:child_process'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expected, type UndiffuseError } from '../../core/errors.js'
import { atExit } from './at-exit.js'
import type { Answer, Ask, Reply, RequestName, Taken } from './protocol.js'

export interface NetworkProcess {
  readonly alive: boolean
  /** Resolves when the process has gone and its memory is free. */
  readonly gone: Promise<void>
  /**
   * One question at a time. Rejects with a plain Error that carries ONNX Runtime's message when the answer is a failure,
   * with `runtime-failed` when the process goes before it has answered.
   */
  request<K extends RequestName>(name: K, ask: Ask<K>): Promise<Answer<K>>
  kill(): void
}

const environment = {
  // ONNX Runtime 1.29 and later report sessions and devices to Microsoft unless told not to before they are loaded.
  ORT_DISABLE_TELEMETRY: '1',
  // glibc's starting value, which it otherwise raises with each large block that is freed, and then keeps such blocks for
  // itself: a fifth of the peak after several networks were opened.
  MALLOC_MMAP_THRESHOLD_: '131072',
}

const entry = fileURLToPath(new URL('./ort-child.js', import.meta.url))

/** How much of what the process wrote to stderr is kept to explain a crash. */
const KEPT_CHARACTERS = 2000

/** What it said last, without a stack and Node's own signature below it. */
const lastWords = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^(\s+at |Node\.js v)/.test(line))
    .at(-1)
    ?.trim() ?? ''

function crash(how: string, signal: string | null, written: string): UndiffuseError {
  const said = lastWords(written)
  const remedy =
    signal === 'SIGKILL'
      ? 'Memory ran out, or somebody stopped the process. For memory: a smaller image, a lean session, fewer other programs.'
      : 'If it happens again, try another device or fewer threads.'
  return expected(
    'runtime-failed',
    'an answer of their process',
    'a run of the networks',
    `its end by ${how}${said && ` after “${said}”`}`,
    remedy,
  )
}

/**
 * Starts the child process. An idle one does not keep the host alive. `heard` sees every answer's peak of memory; `lost` is told how the
 * process ended, where nobody here asked it to.
 */
export function startNetworkProcess(
  heard: (taken: Taken) => void,
  lost: (how: string) => void = () => {},
): NetworkProcess {
  // The host's own flags (a debugger's port, a loader) are not the child's, hence no execArgv.
  const child = fork(entry, [String(process.pid)], {
    execArgv: [],
    env: { ...environment, ...process.env },
    serialization: 'advanced',
    // ONNX Runtime logs what it also throws: what it writes is kept to explain a crash and never shown otherwise.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let alive = true
  let isAsked = false
  let ended: { readonly how: string; readonly signal: string | null } | undefined
  let written = ''
  let pending: { resolve(reply: Reply): void; reject(error: Error): void } | undefined
  const forget = atExit(() => child.kill('SIGKILL'))

  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    written = (written + text).slice(-KEPT_CHARACTERS)
  })

  const errors = child.stderr instanceof Socket ? child.stderr : undefined
  let isHeld = true
  const hold = () => {
    if (isHeld) return
    isHeld = true
    for (const handle of [child, child.channel, errors]) handle?.ref()
  }
  /** After a turn of the event loop: whoever was answered may ask again at once. */
  const letGo = () => {
    setImmediate(() => {
      if (pending || child.killed) return
      isHeld = false
      for (const handle of [child, child.channel, errors]) handle?.unref()
    })
  }
  letGo()

  const gone = new Promise<void>((resolve) => {
    const hasEnded = (how: string, signal: string | null) => {
      const isLost = alive && !isAsked
      alive = false
      ended ??= { how, signal }
      forget()
      pending?.reject(crash(how, signal, written))
      pending = undefined
      resolve()
      if (isLost) lost(how)
    }
    child.once('close', (code, signal) => hasEnded(signal ? `signal ${signal}` : `exit code ${code}`, signal))
    child.once('error', ({ message }) => hasEnded(message, null))
  })
  child.on('message', (message) => {
    const reply = message as Reply
    heard(reply)
    pending?.resolve(reply)
    pending = undefined
    letGo()
  })

  const end = () => {
    // Held until it has gone, so that whoever waits for that is not left behind by an empty event loop.
    hold()
    child.kill('SIGKILL')
  }

  return {
    get alive() {
      return alive && !child.killed
    },
    gone,
    async request<K extends RequestName>(name: K, ask: Ask<K>): Promise<Answer<K>> {
      const reply = await new Promise<Reply>((resolve, reject) => {
        if (!alive || child.killed) throw crash(ended?.how ?? 'an earlier failure', ended?.signal ?? null, written)
        pending = { resolve, reject }
        hold()
        child.send({ name, ask }, (error) => {
          if (error) end()
        })
      })
      if ('failure' in reply) throw new Error(reply.failure)
      return reply.answer as Answer<K>
    },
    kill() {
      isAsked = true
      end()
    },
  }
}
