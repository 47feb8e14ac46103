/** The package as people get it: what it holds, what its doors load, that its command and the documentation's programs run. */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import sharp from 'sharp'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readNpy } from '../../src/checkpoints/npy.js'
import { nodeFiles } from '../../src/node/files.js'
import { modelFingerprint } from '../../src/node/fingerprint.js'
import { newKey, readKey } from '../../src/watermark/key.js'
import { pages, programs } from './documentation.js'
import { type Installed, install } from './installed.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Manifest {
  readonly version: string
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly bin: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

let installed: Installed
let remove = async () => {}
let manifest: Manifest
/** What the installed command says of a picture that it marked: whoever reads marks reads this one, with the key mark.json. */
let made: unknown
const keyOf = (scheme: string, modelFiles: string, model = 'undiffuse-scenes') =>
  newKey({ scheme, model, modelFiles, latentShape: [4, 16, 16] }, randomBytes(32))
const shading = 'gaussian-shading:bits=64'
const fingerprint = () => modelFingerprint(join(root, 'models', 'undiffuse-scenes'))
const pictures = ['plain.png', 'marked.png'] as const
const pathOf = (picture: (typeof pictures)[number]) => join(installed.folder, 'pictures', picture)
beforeAll(async () => {
  installed = await install()
  remove = installed.remove
  manifest = JSON.parse(await inside('package.json'))
  await mkdir(join(installed.folder, 'pictures'))
  await copyFile(join(root, 'examples', 'ball.png'), pathOf('plain.png'))
  await writeFile(join(installed.folder, 'mark.json'), keyOf(shading, await fingerprint()))
  const how = ['--solver', 'ddim:steps=20,spacing=lambda', '-o', pathOf('marked.png'), '--json']
  const mark = ['--watermark', 'mark.json', '--message', 'aaaaaaaaaaaaaaa9']
  const words = ['generate', 'a large purple heart on the left', ...mark, ...how]
  made = JSON.parse(await installed.undiffuse(...words))
}, 300_000)
afterAll(() => remove())

const inside = (path: string) => readFile(join(installed.folder, 'node_modules', 'undiffuse', path), 'utf8')
const doors = () =>
  Object.entries(manifest.exports).flatMap(([door, to]) => (typeof to === 'string' ? [] : [{ door, ...to }]))
const plain = (path: string) => path.replace('./', '')

describe('the tarball', () => {
  it('is built before it is packed', () => {
    expect(manifest.scripts.prepack).toMatch(/ensure\.mjs/)
  })

  it('holds what it exports, with types, and its command', () => {
    expect(doors().length).toBeGreaterThanOrEqual(6)
    for (const { types, default: code } of doors()) {
      expect(installed.files).toContain(plain(types))
      expect(installed.files).toContain(plain(code))
    }
    for (const path of Object.values(manifest.bin)) expect(installed.files).toContain(plain(path))
  })

  it('holds what is read at run time', () => {
    for (const path of [
      'dist/src/runtimes/onnxruntime-node/ort-child.js',
      'models/undiffuse-scenes/model_index.json',
      'models/undiffuse-scenes/scheduler/scheduler_config.json',
      'models/undiffuse-scenes/tokenizer/vocab.json',
      'models/undiffuse-scenes/vae/diffusion_pytorch_model.safetensors',
      'models/undiffuse-scenes/unet/diffusion_pytorch_model.safetensors',
      'models/undiffuse-scenes/text_encoder/model.safetensors',
      'models/undiffuse-scene-reader/model.safetensors',
    ]) {
      expect(installed.files).toContain(path)
    }
  })

  it('holds the files that the documentation names', () => {
    const named = pages.flatMap(({ text }) => text.match(/\bexamples\/[\w.-]+/g) ?? [])
    expect(named.length).toBeGreaterThan(0)
    for (const path of named) expect(installed.files).toContain(path)
  })

  it('holds what its pages link to', async () => {
    const pages = [...installed.files].filter((path) => path.endsWith('.md'))
    const links = await Promise.all(
      pages.map(async (page) =>
        [...(await inside(page)).matchAll(/(?:\]\(|\s(?:href|src)=")([^)"\s#]+)/g)]
          .map(([, link]) => link!)
          .filter((link) => !/^[a-z]+:/.test(link))
          .map((link) => ({ page, target: posix.join(posix.dirname(page), link) })),
      ),
    )
    const isThere = (target: string) => [...installed.files].some((path) => `${path}/`.startsWith(`${target}/`))
    expect(links.flat().length).toBeGreaterThan(100)
    expect(links.flat().filter(({ target }) => !isThere(target.replace(/\/$/, '')))).toEqual([])
  })

  it('holds no tests, no notes of the compiler, no logs and no maps to sources that are not there', () => {
    expect([...installed.files].filter((path) => /\.test\.|\.tsbuildinfo$|\.map$|\.jsonl$|\.log$/.test(path))).toEqual(
      [],
    )
  })

  it('has types that need no browser: none of the library that draws', async () => {
    const types = [...installed.files].filter((path) => path.endsWith('.d.ts'))
    expect(types.length).toBeGreaterThan(100)
    const drawing: string[] = []
    for (const path of types) if (/from ['"]vega/.test(await inside(path))) drawing.push(path)
    expect(drawing).toEqual([])
  })

  it('holds of training and measurements only what its command imports', async () => {
    const needed = new Set<string>()
    const waiting = Object.values(manifest.bin).map(plain)
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (needed.has(path)) continue
      needed.add(path)
      for (const { fileName } of ts.preProcessFile(await inside(path)).importedFiles) {
        if (fileName.startsWith('.')) waiting.push(posix.join(posix.dirname(path), fileName))
      }
    }
    const extra = [...installed.files].filter(
      (path) => /^dist\/(training|measurements|apps)\//.test(path) && !needed.has(path),
    )
    expect(extra).toEqual([])
  })
})

/** Gzipped and minified; the budget for a library that others put into their pages. */
const bundleBudget = 10_000
/** Tables of operators and methods have some hundred entries; more than this is work. */
const mostCalls = 256
const hosts = /node_modules\/(onnxruntime-node|sharp|@img|vega|vega-lite)\//

/** Imports doors, and prints every script that it loads with the most calls of one of its functions or loops. */
const importing = `
import { Session } from 'node:inspector/promises'
const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
for (const door of process.argv.slice(2)) await import(door)
const { result } = await session.post('Profiler.takePreciseCoverage')
const most = (functions) => Math.max(...functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)))
console.log(JSON.stringify(result.map(({ url, functions }) => ({ url, calls: most(functions) }))))
`

/** Doors that any host may open, and those of Node. */
const portable = ['.', './edit', './graph', './operations', './watermark']
const hosted = ['./node', './onnxruntime-node']

describe('importing', () => {
  /** Doors that are opened one after the other in one process: what one loads, all are charged with. */
  const load = async (some: readonly string[]) => {
    const names = some.map((door) => posix.join('undiffuse', door))
    const scripts = JSON.parse(await installed.node('importing.mjs', importing, ...names)) as {
      url: string
      calls: number
    }[]
    const own = scripts.filter(({ url }) => url.includes('/node_modules/undiffuse/dist/'))
    const entries = doors().filter(({ door }) => some.includes(door))
    for (const entry of entries)
      expect(
        own.some(({ url }) => url.endsWith(plain(entry.default))),
        entry.door,
      ).toBe(true)
    return { scripts, own }
  }

  it('of doors that any host may open does no work and loads no host', async () => {
    const { scripts, own } = await load(portable)
    expect(own.filter(({ calls }) => calls > mostCalls)).toEqual([])
    expect(scripts.filter(({ url }) => hosts.test(url))).toEqual([])
  })

  it("of Node's doors does no work", async () => {
    const { own } = await load(hosted)
    expect(own.filter(({ calls }) => calls > mostCalls)).toEqual([])
  })

  it('is tried for every door', () => {
    expect(
      doors()
        .map(({ door }) => door)
        .sort(),
    ).toEqual([...portable, ...hosted].sort())
  })
})

describe('a bundle', () => {
  const bundled = async (code: string) => {
    const entry = join(installed.folder, 'entry.js')
    const build = await rolldown({
      input: entry,
      cwd: installed.folder,
      platform: 'browser',
      plugins: [
        { name: 'entry', load: (id) => (id === entry ? code : null), resolveId: (id) => (id === entry ? id : null) },
      ],
    })
    const { output } = await build.generate({ minify: true })
    await build.close()
    const chunks = output.flatMap((file) => (file.type === 'chunk' ? [file] : []))
    return {
      bytes: gzipSync(chunks.map(({ code }) => code).join('\n'), { level: 9 }).length,
      imports: chunks.flatMap(({ imports }) => imports),
      modules: chunks.flatMap(({ modules }) => Object.keys(modules)),
    }
  }

  it('of one solver is small and stands alone', async () => {
    const { bytes, imports, modules } = await bundled(
      "import { ddim } from 'undiffuse'\nconsole.log(ddim({ steps: 2 }))",
    )
    expect(modules.some((id) => id.includes('solvers/ddim.js'))).toBe(true)
    expect(bytes).toBeLessThanOrEqual(bundleBudget)
    expect(imports).toEqual([])
    expect(modules.filter((id) => hosts.test(id))).toEqual([])
  })

  it('of nothing is nothing', async () => {
    expect((await bundled("import 'undiffuse'")).modules.filter((id) => id.includes('/undiffuse/dist/'))).toEqual([])
  })
})

describe('the installed command', () => {
  it('says its version', async () => {
    expect((await installed.undiffuse('--version')).trim()).toBe(manifest.version)
  })

  it('makes a picture', async () => {
    expect(made).not.toHaveProperty('error')
    expect((await readFile(pathOf('marked.png'))).subarray(1, 4).toString()).toBe('PNG')
  })
})

/** The processes of its networks, once there are any. */
async function childrenOf(parent: number): Promise<readonly number[]> {
  for (;;) {
    const { stdout } = await promisify(execFile)('ps', ['-e', '-o', 'pid=,ppid=,args='])
    const found = stdout.split('\n').flatMap((line) => {
      const [pid, ppid, ...args] = line.trim().split(/\s+/)
      return Number(ppid) === parent && args.join(' ').includes('ort-child') ? [Number(pid)] : []
    })
    if (found.length > 0) return found
    await setTimeout(20)
  }
}

const scriptOf = (code: string) =>
  ts.transpileModule(code, { compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext } })
    .outputText

describe('the examples', async () => {
  /** What they are told beside the package's own picture, and what they print. */
  const told: Readonly<Record<string, { readonly words?: readonly string[]; readonly prints: RegExp }>> = {
    'detect-folder.mjs': { words: ['mark.json', 'pictures'], prints: /^marked\.png marked .*\nplain\.png unmarked /m },
    'edit.mjs': { prints: /^given-(latent|image); .* dB/ },
    'invert.mjs': { prints: /^noise exact given-latent, \d+ evaluations; \d+ % / },
    'own-inverter.mjs': {
      prints: /^naive 10 .*\nfew-rounds:1 10 .*\nfew-rounds:3 30 .* -\d\d dB\nimplicit \d+ .* -1\d\d dB/,
    },
    'own-model.mjs': { prints: /^given-latent; noise -1\d\d dB/ },
    'own-solver.mjs': { prints: /^given-latent; noise -1\d\d dB.*\nmy-ab2: \d+ .* -1\d\d dB\nddim:.* -1\d\d dB/ },
    'worker.mjs': { prints: /exact: 'given-latent'[\s\S]*was free \d+ times/ },
  }
  const files = (await readdir(join(root, 'examples'))).filter((name) => name.endsWith('.mjs'))
  it('are those that are told, and a service', () =>
    expect(files.sort()).toEqual([...Object.keys(told), 'service.mjs'].sort()))

  it.each(Object.entries(told))('%s', async (name, { words = [], prints }) => {
    expect(await installed.shipped(`examples/${name}`, ...words)).toMatch(prints)
  })

  it('a folder that is not there is told with what to pass', async () => {
    const run = installed.shipped('examples/detect-folder.mjs', 'mark.json', 'nowhere')
    await expect(run).rejects.toThrow(
      /'nowhere'\. Say which: node detect-folder\.mjs <key\.json> <folder of pictures>\n$/,
    )
  })
})

describe('programs of the documentation', () => {
  const told = { scheme: 'gaussian-shading', model: 'undiffuse-scenes', latentShape: [4, 16, 16] }
  const keyFile = () => join(installed.folder, 'key.json')
  beforeAll(() => writeFile(keyFile(), newKey(told, randomBytes(32))))

  it('are found', () => expect(programs.length).toBeGreaterThanOrEqual(5))

  it.each(programs)('$name', async ({ name, code }) => {
    await installed.node(`${name.replace(/\W+/g, '-')}.mjs`, scriptOf(code))
  })

  it('docs/python.md marks noise in the bytes that numpy.load reads', async () => {
    const bytes = await readFile(join(installed.folder, 'marked.npy'))
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4, 16, 16), }"
    expect(bytes.subarray(10, 10 + header.length).toString()).toBe(header)
    expect(bytes.length).toBe(128 + 4 * 4 * 16 * 16)
    const { data } = await readNpy(nodeFiles, join(installed.folder, 'marked.npy'))
    const { pValue, message } = readKey(await readFile(keyFile(), 'utf8'), 'key.json')
      .mark()
      .read({ shape: [4, 16, 16], data })
    expect({ isFound: pValue < 1e-100, message }).toEqual({ isFound: true, message: 'c0ffee00' })
  })

  it('have the types that the package states', async () => {
    const paths = programs.map(({ name }) => join(installed.folder, `${name.replace(/\W+/g, '-')}.ts`))
    const texts = new Map(paths.map((path, i) => [path, programs[i]!.code]))
    const options: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      moduleDetection: ts.ModuleDetectionKind.Force,
      types: ['node'],
      typeRoots: [join(root, 'node_modules', '@types')],
    }
    const host = ts.createCompilerHost(options)
    const { fileExists, getSourceFile } = host
    host.fileExists = (path) => texts.has(path) || fileExists(path)
    host.getSourceFile = (path, ...more) =>
      texts.has(path)
        ? ts.createSourceFile(path, texts.get(path)!, {
            languageVersion: ts.ScriptTarget.ES2023,
            impliedNodeFormat: ts.ModuleKind.ESNext,
          })
        : getSourceFile.call(host, path, ...more)
    const found = ts.getPreEmitDiagnostics(ts.createProgram(paths, options, host))
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([])
  })
})

describe('the service', () => {
  const program = 'node_modules/undiffuse/examples/service.mjs'
  const writeKey = (key: string) => writeFile(join(installed.folder, 'key.json'), key)

  it('is what docs/watermark-service.md shows', async () => {
    const { text } = pages.find(({ page }) => page === 'docs/watermark-service.md')!
    expect(text).toContain(`\`\`\`js\n${await readFile(join(root, 'examples', 'service.mjs'), 'utf8')}\`\`\`\n`)
  })

  it.each([
    ['no key', async () => undefined, /ENOENT.*Make a key: npx undiffuse watermark keygen/],
    ['a file of another kind', async () => '{}', /Expected a watermark key/],
    ['another model', async () => keyOf(shading, '0'.repeat(16), 'other'), /Expected a key of `undiffuse-scenes`/],
    ['other weights', async () => keyOf(shading, '0'.repeat(16)), /for other weights/],
    ['another scheme', async () => keyOf('tree-ring', await fingerprint()), /must carry 64 bits/],
  ])('says in one line that it has %s', async (_, key, says) => {
    await rm(join(installed.folder, 'key.json'), { force: true })
    const text = await key()
    if (text !== undefined) await writeKey(text)
    const failed = await installed.shipped('examples/service.mjs').catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Not started: .+\n$/) })
    expect(failed).toMatchObject({ stderr: expect.stringMatching(says) })
  })

  it('marks and detects, and refuses what it must', async () => {
    await copyFile(join(installed.folder, 'mark.json'), join(installed.folder, 'key.json'))
    const issued = 'aaaaaaaaaaaaaaaa'
    await writeFile(join(installed.folder, 'issued.txt'), `${issued}\n`)
    const env = { ...process.env, PORT: '0', MOST_WAITING: '1' }
    const service = spawn(process.execPath, [program], {
      cwd: installed.folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let logged = ''
    service.stderr.on('data', (piece: Buffer) => {
      logged += piece.toString()
    })
    try {
      const [line] = (await once(service.stdout, 'data')) as [Buffer]
      const port = /port: (\d+)/.exec(line.toString())![1]
      const post = (path: string, body: string | Uint8Array<ArrayBuffer>) =>
        fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body })
      const another = spawn(process.execPath, [program], {
        cwd: installed.folder,
        env: { ...env, PORT: port },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const refusal = Promise.all([text(another.stderr), once(another, 'close')])
      const [refused, [exitCode]] = await refusal
      expect([exitCode, refused]).toEqual([1, expect.stringMatching(/^Not started: listen EADDRINUSE.*\n$/)])
      // One is in hand and one waits: the third is told to come again, and has no id.
      const heart = () => post('/mark', 'a large purple heart on the left')
      const three = await Promise.all([1, 2, 3].map(heart))
      const ofStatus = (wanted: number) => three.filter(({ status }) => status === wanted)
      expect([ofStatus(200).length, ofStatus(503).length]).toEqual([2, 1])
      expect(ofStatus(503)[0]!.headers.get('retry-after')).toBe('60')
      const ids = ofStatus(200).map(({ headers }) => headers.get('x-mark-id'))
      const listed = (await readFile(join(installed.folder, 'issued.txt'), 'utf8')).trimEnd().split('\n')
      expect(listed.sort()).toEqual([issued, ...ids].sort())
      const marked = new Uint8Array(await ofStatus(200)[0]!.arrayBuffer())
      for (const [path, body, status] of [
        ['/detect', 'some text', 415],
        ['/detect', '', 415],
        ['/detect', new Uint8Array(21e6), 413],
        ['/mark', 'a'.repeat(1001), 413],
        ['/other', '', 404],
      ] as const) {
        expect((await post(path, body)).status, path).toBe(status)
      }
      for (const empty of ['', ' \n']) {
        const refused = await post('/mark', empty)
        expect({ status: refused.status, text: await refused.text() }).toMatchObject({
          status: 400,
          text: 'Expected a prompt for the body, got nothing.\n',
        })
      }
      const small = await post('/detect', Uint8Array.from(await sharp(marked).resize(64).png().toBuffer()))
      expect(small.status).toBe(422)
      expect(await small.text()).toMatch(/^Expected .*128×128.*, got .*64×64.*\.\n$/)
      // What fails inside is told to the log, and to the client by an id alone.
      const begun = heart()
      const networks = await childrenOf(service.pid!)
      for (const pid of networks) process.kill(pid, 'SIGKILL')
      const failed = await begun
      const [, failure] = /^Something failed here: it is logged as ([0-9a-f-]{36})\.\n$/.exec(await failed.text())!
      expect(failed.status).toBe(500)
      expect(logged).toContain(failure)
      expect(logged).toMatch(/runtime-failed/)
      // After all that it works.
      expect((await heart()).status).toBe(200)
      // A message with two wrong bits is the nearest id's.
      const detected = async (picture: Buffer) => {
        const answer = await (await post('/detect', Uint8Array.from(picture))).text()
        expect(answer).toMatch(/^\{.*\}\n$/)
        return JSON.parse(answer)
      }
      expect(await detected(await readFile(pathOf('marked.png')))).toMatchObject({
        verdict: 'marked',
        id: issued,
        wrongBits: 2,
        technique: expect.stringMatching(/^gaussian-shading/),
      })
      // Nothing is found in it as it comes: the second question finds whose it is.
      expect(await detected(await sharp(marked).flop().png().toBuffer())).toMatchObject({
        verdict: 'marked',
        id: ids[0],
        undone: 'mirrored (horizontal)',
      })
      const plain = await readFile(join(root, 'examples', 'scene.png'))
      expect(await detected(plain)).toMatchObject({ verdict: 'unmarked' })
    } finally {
      service.kill()
      await once(service, 'close')
    }
  }, 300_000)
})
