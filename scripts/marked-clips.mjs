// Marks in clips after compression, on weights that were trained: `undiffuse-scenes` inflated to clips. Run after a build:
//
//   node dist/training/clips/main.js --folder out/scene-clips
//   node scripts/marked-clips.mjs --model out/scene-clips --out out/marked-clips
//
// Makes clips with each scheme's mark, keeps each as a lossy animated WebP and as a GIF, and reads them without the prompt: under
// its own key and under another key of the scheme. Prints a table in Markdown; --json prints a line of JSON for each row as well.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { Task } from 'undiffuse'
import { nodeHost } from 'undiffuse/node'
import { detectOperation, generateOperation, keygenOperation, readSettings } from 'undiffuse/operations'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'out/scene-clips' },
    out: { type: 'string', default: 'out/marked-clips' },
    schemes: { type: 'string', default: 'gaussian-shading,prc,tree-ring,ring-id' },
    count: { type: 'string', default: '8' },
    frames: { type: 'string', default: '4' },
    steps: { type: 'string', default: '10' },
    quality: { type: 'string', default: '80' },
    prompt: { type: 'string', default: 'a large red ball on the left' },
    json: { type: 'boolean', default: false },
  },
})
const { model, out, count, frames, steps, prompt } = values
const quality = Number(values.quality)
const rate = 1e-3

const forms = {
  [`WebP, quality ${quality}`]: { ending: 'webp', written: (clip) => clip.webp({ quality }) },
  GIF: { ending: 'gif', written: (clip) => clip.gif() },
}

const host = nodeHost()
const run = async (operation, given) =>
  (await new Task(operation.run(readSettings(operation.fields, given, operation.id), host))).result

/** The middle one, or the mean of both. */
function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const [low, high] = [Math.floor((sorted.length - 1) / 2), Math.ceil((sorted.length - 1) / 2)]
  return (sorted[low] + sorted[high]) / 2
}

const say = (line) => process.stdout.write(`${line}\n`)
say('| scheme | file | kB | found at 1e-3 | median −log₁₀ p | messages whole | under another key |')
say('| --- | --- | --- | --- | --- | --- | --- |')
for (const scheme of values.schemes.split(',')) {
  const folder = join(out, scheme)
  await mkdir(folder, { recursive: true })
  const [own, other] = ['own', 'other'].map((name) => join(folder, `${name}.json`))
  for (const output of [own, other]) await run(keygenOperation, { scheme, model, frames, output })
  const made = { model, prompt, steps, seed: 1, count, watermark: own, output: join(folder, 'clip.webp') }
  const { pictures } = await run(generateOperation, made)
  for (const [form, { ending, written }] of Object.entries(forms)) {
    const sources = pictures.map((_, i) => join(folder, `${form.replaceAll(/\W+/g, '-')}-${i + 1}.${ending}`))
    let bytes = 0
    for (const [i, { picture }] of pictures.entries()) {
      const file = await written(sharp(await readFile(picture), { animated: true })).toBuffer()
      await writeFile(sources[i], file)
      bytes += file.length / sources.length
    }
    const { results } = await run(detectOperation, { model, steps, sources, key: [own, other], fpr: 2 * rate })
    // p is that of the one key, before the two keys are counted.
    const [ofOwn, ofOther] = [0, 1].map((i) => results.map(({ findings }) => findings[i]))
    const row = {
      scheme,
      form,
      meanFileBytes: bytes,
      clips: results.length,
      found: ofOwn.filter(({ pValue }) => pValue <= rate).length,
      pValues: ofOwn.map(({ pValue }) => pValue),
      // A mark without a message of its own carries zeros.
      wholeMessages: ofOwn.some(({ message }) => message !== undefined)
        ? ofOwn.filter(({ message }) => /^0+$/.test(message ?? '')).length
        : undefined,
      otherKeyFound: ofOther.filter(({ pValue }) => pValue <= rate).length,
      otherKeyPValues: ofOther.map(({ pValue }) => pValue),
    }
    if (values.json) say(JSON.stringify(row))
    const evidence = median(row.pValues.map((p) => -Math.log10(p))).toFixed(0)
    const cells = [scheme, form, (bytes / 1000).toFixed(0), `${row.found} of ${row.clips}`, evidence]
    say(`| ${[...cells, row.wholeMessages ?? '–', `${row.otherKeyFound} of ${row.clips}`].join(' | ')} |`)
  }
}
