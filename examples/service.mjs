// Marks and detects over HTTP; reads key.json of the folder that it is started in: node service.mjs
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { appendFile, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import {
  ddim,
  errorTable,
  expected,
  generate,
  isUndiffuseError,
  openDiffusionModel,
  torchNoise,
  undoBorder,
  undoFlip,
} from 'undiffuse'
import { bundledFile, decodeImage, encodePng, modelFingerprint, nodeFiles, ortNode } from 'undiffuse/node'
import { checkKeyModel, detectAll, hasOtherWeights, nearestMessage, readKey } from 'undiffuse/watermark'

// Whatever it cannot begin with, a key or a port, is told in one line.
const stop = ({ message }) => {
  console.error(`Not started: ${message}`)
  process.exit(1)
}
process.on('uncaughtException', stop)

// A process that is killed between two runs fails nothing: only this line tells.
const runtime = ortNode({ onLost: (how) => console.error(`The process of the networks ended by ${how}.`) })
const folder = bundledFile('models', 'undiffuse-scenes')
const makeIt = 'npx undiffuse watermark keygen --scheme gaussian-shading:bits=64 -o key.json'
const keyText = await readFile('key.json', 'utf8').catch(({ message }) => {
  throw new Error(`${message}. Make a key: ${makeIt}`)
})
const key = readKey(keyText, 'key.json')
const model = await openDiffusionModel(nodeFiles, folder, runtime)
const made = { model: model.name, modelFiles: await modelFingerprint(folder) }
checkKeyModel(key, made)
if (hasOtherWeights(key, made))
  throw new Error(`key.json is for other weights of this model. Make a new key: ${makeIt}`)
if (key.messageBits !== 64) throw new Error(`key.json must carry 64 bits. Make such a key: ${makeIt}`)
const making = { model, solver: ddim({ steps: 20, spacing: 'lambda' }), guidance: 3 }
// Without the prompt a picture is read in 50 steps, whatever made it.
const reading = { model, solver: ddim({ steps: 50, spacing: 'lambda' }) }

const table = 'issued.txt'
await appendFile(table, '')
// A line that a kill cut short holds no id.
const issued = new Set((await readFile(table, 'utf8')).split('\n').filter((id) => /^[0-9a-f]{16}$/.test(id)))

/** An id that nobody has; it is taken before anything is waited for, and written before its picture is made. */
async function newId() {
  let id
  do id = randomBytes(8).toString('hex')
  while (issued.has(id))
  issued.add(id)
  await appendFile(table, `${id}\n`)
  return id
}

/** The nearest id that was issued, if it differs in at most 4 of 64 bits and no other is as near. */
function issuedId(read) {
  if (read === undefined || issued.size === 0) return {}
  const { message: id, differingBits: wrongBits, ties } = nearestMessage(read, issued, key)
  return wrongBits <= 4 && ties.length === 0 ? { id, wrongBits } : {}
}

/** What is answered with a status of its own. */
class Refused extends Error {
  constructor(status, message, headers = {}) {
    super(message)
    Object.assign(this, { status, headers })
  }
}

const mostWaiting = Number(process.env.MOST_WAITING ?? 8)
let inHand = 0
let last = Promise.resolve()
/** Does one work after the other, first come, first served. Those who left while they waited are passed over. */
function inTurn(signal, work) {
  if (inHand > mostWaiting) throw new Refused(503, 'Too many wait: come again in a minute.', { 'retry-after': '60' })
  inHand++
  const turn = last.then(() => {
    signal.throwIfAborted()
    return work()
  })
  last = turn.catch(() => {}).finally(() => inHand--)
  return turn
}

async function bodyOf(request, mostBytes) {
  const chunks = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    // What is too much is read and dropped: a client that is cut off while it sends never sees the answer.
    if (size <= mostBytes) chunks.push(chunk)
  }
  if (size > mostBytes) throw new Refused(413, `Send at most ${mostBytes} bytes.`)
  return Buffer.concat(chunks)
}

async function mark(request, signal) {
  const prompt = (await bodyOf(request, 1000)).toString().trim()
  if (prompt === '')
    throw expected('bad-option', 'a prompt', 'the body', 'nothing', 'Send what the picture is to show.')
  return inTurn(signal, async () => {
    const id = await newId()
    const noise = key.mark().imprint(torchNoise(randomInt(2 ** 32), key.latentShape), id)
    const { image } = await generate({ ...making, prompt, noise, signal })
    return { type: 'image/png', body: await encodePng(image), id }
  })
}

async function detect(request, signal) {
  const { image } = await decodeImage(await bodyOf(request, 20e6), 'the picture', { maximumPixels: 1e6 })
  return inTurn(signal, async () => {
    // Two questions: as it came, which is quick, and only then mirrored. Each has half of the rate, and its p counts twice.
    let answer = {}
    for (const undo of [[undoBorder()], [undoBorder(), undoFlip()]]) {
      const asked = { keys: [{ key }], modelFiles: made.modelFiles, falsePositiveRate: 1e-6 / 2, undo }
      const [detection] = await detectAll([{ image }], { ...reading, ...asked, signal })
      const { verdict, because, familyPValue, scheme, reading: read, undone } = detection.findings[0]
      const whose = verdict === 'marked' ? { undone, ...issuedId(read.message) } : {}
      // No probability is above 1: most unmarked pictures have 1 here. Over 2^256 keys none is far below 1e-70.
      const pValue = Math.min(1, Math.max(1e-70, 2 * familyPValue))
      answer = { verdict, because, pValue, technique: scheme, key: key.id, ...whose }
      if (verdict === 'marked') break
    }
    // With a line feed, as lines of results end and terminals show them.
    return { type: 'application/json', body: `${JSON.stringify(answer)}\n` }
  })
}

/** What a client did wrong, without the remedies of the library's errors: they are for those who write code. */
const toldText = (error) =>
  isUndiffuseError(error) ? `Expected ${error.expected} for ${error.subject}, got ${error.got}.` : error.message

const statusOf = (error) =>
  error instanceof Refused ? error.status : isUndiffuseError(error) ? errorTable[error.code].httpStatus : 500

const routes = new Map([
  ['POST /mark', mark],
  ['POST /detect', detect],
])

const server = createServer(async (request, response) => {
  const left = new AbortController()
  response.on('close', () => left.abort())
  try {
    const route = routes.get(`${request.method} ${request.url}`)
    if (!route) throw new Refused(404, 'POST a prompt to /mark, or a picture to /detect.')
    const { type, body, id } = await route(request, left.signal)
    response.writeHead(200, { 'content-type': type, ...(id && { 'x-mark-id': id }) }).end(body)
  } catch (error) {
    if (left.signal.aborted) return
    const status = statusOf(error)
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...error.headers })
    // What a client did wrong it is told; what went wrong in here only the log is.
    if (status < 500 || error instanceof Refused) return response.end(`${toldText(error)}\n`)
    const failure = randomUUID()
    console.error(failure, error)
    response.end(`Something failed here: it is logged as ${failure}.\n`)
  }
})
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  process.off('uncaughtException', stop)
  console.log(server.address())
})
process.once('SIGTERM', () => server.close(() => runtime.close()))
