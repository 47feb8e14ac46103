/**
 * Draws the pictures of the pages anew: runs the commands that each page shows, in order, in an empty folder, with a sheet
 * where one is to be kept. `npm run pictures` (the project must be built); files have 256 colours.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { readTensors, tensor } from 'undiffuse'
import { contactSheet, nodeFiles, readImage, writeFileAtomically } from 'undiffuse/node'

const root = fileURLToPath(new URL('..', import.meta.url))
const main = join(root, 'dist', 'apps', 'cli', 'main.js')
const run = promisify(execFile)

/** Of each page: what its pictures are drawn from, and their largest width. A sheet is named after the result of its command. */
const drawn = {
  'docs/editing.md': {
    width: 900,
    sheets: {
      'star.png': 'edit-star',
      'red.png': 'edit-red',
      'purple.png': 'edit-purple',
      'large.png': 'edit-large',
      'clouds.png': 'edit-clouds',
    },
  },
  'docs/attacks.md': { width: 900, sheets: { 'attacks.png': 'attacks' } },
  'docs/watermarks.md': { width: 720, sheets: { 'found.png': 'watermark-undo' } },
  'README.md': { width: 1000, strip: 'strip' },
}

/** The commands of a page, as words. Those that need a file of the reader's own are left out. */
function commandsOf(page) {
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block)
  const lines = blocks.flatMap((block) => block.split('\n')).filter((line) => line.startsWith('npx undiffuse '))
  return lines
    .map((line) =>
      [...line.replace(/\s#.*$/, '').matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare).slice(2),
    )
    .filter((words) => /^(generate|edit|invert|attack|watermark)$/.test(words[0]))
    .filter((words) => !words.some((word) => /photo|mask\.png|pictures\/|path\/|family\.json|^-$/.test(word)))
}

const resultOf = (words) => words[words.indexOf('-o') + 1]

async function small(file, name, width) {
  const png = sharp(file)
    .resize({ width, withoutEnlargement: true })
    .png({ palette: true, colours: 256, compressionLevel: 9, effort: 10 })
  const bytes = await png.toBuffer()
  await writeFileAtomically(join(root, 'docs', 'images', `${name}.png`), bytes)
  console.log(`docs/images/${name}.png: ${bytes.length} bytes`)
}

/** Noise as people may see it: three of its channels, from −3 to 3. */
function shownNoise({ shape: [, , height, width], data }) {
  return tensor(
    [3, height, width],
    data.slice(0, 3 * height * width).map((value) => Math.max(-1, Math.min(1, value / 3))),
  )
}

/** What README's commands make, side by side. */
async function stripOf(folder) {
  const picture = async (name) => (await readImage(join(folder, name))).image
  const noise = (await readTensors(nodeFiles, join(folder, 'found.safetensors'))).get('noise')
  const cells = [
    { image: await picture('ball.png'), label: 'a picture' },
    { image: shownNoise(noise), label: 'its noise, found' },
    { image: await picture('again.png'), label: 'made from that noise' },
    { image: await picture('marked.png'), label: 'with a mark in its noise' },
    { image: await picture('green.png'), label: 'edited: the rest is the same' },
  ]
  return await contactSheet([cells], { cellSize: 256 })
}

const wanted = process.argv.slice(2)
for (const [page, { width, sheets = {}, strip }] of Object.entries(drawn)) {
  if (wanted.length > 0 && !wanted.includes(page)) continue
  const folder = await mkdtemp(join(tmpdir(), 'undiffuse-pictures-'))
  try {
    for (const words of commandsOf(await readFile(join(root, page), 'utf8'))) {
      const name = sheets[resultOf(words)]
      const sheet = name && words[0] === 'edit' ? ['--sheet', 'sheet.png'] : []
      const given = words.map((word) => (word.startsWith('examples/') ? join(root, word) : word))
      await run(process.execPath, [main, ...given, ...sheet], { cwd: folder, maxBuffer: 2 ** 26 })
      const asked = words.includes('--sheet') ? words[words.indexOf('--sheet') + 1] : sheet[1]
      const kept = name ?? (asked && sheets[asked])
      if (kept) await small(join(folder, asked), kept, width)
    }
    if (strip) await small(await stripOf(folder), strip, width)
  } finally {
    await rm(folder, { recursive: true })
  }
}
