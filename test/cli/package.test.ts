/** What `npm pack` puts into the package: everything that the exports, the commands and the documentation name. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const text = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

interface Manifest {
  readonly exports: Readonly<Record<string, string>>
  readonly bin: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

let manifest: Manifest
let files: ReadonlySet<string>
beforeAll(async () => {
  manifest = JSON.parse(await text('package.json'))
  // The build is there already: tests run after it.
  const words = ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error']
  const shell = process.platform === 'win32'
  const { stdout } = await promisify(execFile)('npm', words, { cwd: root, shell, maxBuffer: 2 ** 26 })
  const [packed] = JSON.parse(stdout) as readonly [{ readonly files: readonly { readonly path: string }[] }]
  files = new Set(packed.files.map(({ path }) => path))
})

describe('the package', () => {
  it('is built before it is packed', () => {
    expect(manifest.scripts.prepack).toMatch(/ensure\.mjs/)
  })

  it('holds what it exports, with types, and its command', () => {
    for (const path of [...Object.values(manifest.exports), ...Object.values(manifest.bin)]) {
      expect(files).toContain(path.replace('../', ''))
      expect(files).toContain(path.replace('../', '').replace('.js', '.d.ts'))
    }
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
      expect(files).toContain(path)
    }
  })

  it('holds the files that the documentation names', async () => {
    const pages = ['README.md', ...[...files].filter((path) => /^docs\/[^/]*\.md$/.test(path))]
    const named = (await Promise.all(pages.map(text))).flatMap((page) => page.match(/\bexamples\/[\w.-]+/g) ?? [])
    expect(named.length).toBeGreaterThan(0)
    for (const path of named) expect(files).toContain(path)
  })

  it('holds no tests and no notes of the compiler', () => {
    expect([...files].filter((path) => /\.test\.|\.tsbuildinfo$/.test(path))).toEqual([])
  })
})
