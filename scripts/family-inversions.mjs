// How each family's own pictures are undone: the noise found again from the exact latent, by three inverters. Run after a build:
//
//   node scripts/family-inversions.mjs                       the miniatures of the tests, and the bundled models
//   node scripts/family-inversions.mjs --steps 4,28 --size 512 FOLDER…
//
// Solver and guidance are those that the folder names. Miniatures are measured at 64 × 64 pixels, clips of 5 frames. Prints a table in
// Markdown; --json prints a line of JSON for each cell as well.
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import {
  generate,
  invert,
  inverters,
  isUndiffuseError,
  latentShapeAt,
  nmseDb,
  openDiffusionModel,
  parse,
  torchNoise,
} from 'undiffuse'
import { bundledFile, nodeFiles, ortNode } from 'undiffuse/node'

const miniatures = 'sd3 flux-dev flux-schnell flux2-klein z-image qwen-image wan21 lavie'
  .split(' ')
  .map((name) => ({ folder: `test/golden/pipelines/${name}`, side: 64 }))
const bundled = ['undiffuse-scenes', 'undiffuse-scenes-flow'].map((name) => ({ folder: bundledFile('models', name) }))
const specifications = ['naive', 'implicit:iteration=picard', 'automatic']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: 'string', default: '4,9,20' },
    seeds: { type: 'string', default: '2' },
    size: { type: 'string' },
    frames: { type: 'string', default: '5' },
    prompt: { type: 'string', default: 'a large red ball on the left' },
    json: { type: 'boolean', default: false },
  },
})
const { prompt, json } = values
const given = positionals.map((folder) => ({ folder, side: values.size && Number(values.size) }))
const seeds = [...Array(Number(values.seeds)).keys()]

/** The size of pictures; of clips the frames too. Undefined: the folder's own. */
const sizeOf = ({ axes }, side) =>
  side && { height: side, width: side, ...(axes.includes('frames') && { frames: Number(values.frames) }) }

/** What inversion of each seed's latent tells; the reason where the inverter does not undo such a solver. */
async function cell(model, generations, specification, shared) {
  const inverter = parse(inverters, specification)
  try {
    const found = []
    for (const { latent, noise } of generations) {
      const { outcome, steps, roots, evaluations, ...more } = await invert({ latent }, { ...shared, model, inverter })
      const lost = steps.filter((step) => step.outcome !== 'converged')
      const largestResidual = Math.max(...lost.map(({ residual }) => residual))
      found.push({
        noiseNmseDb: nmseDb(more.noise, noise),
        evaluationsPerStep: evaluations.denoises / steps.length,
        convergedSteps: steps.length - lost.length,
        steps: steps.length,
        outcome,
        ...(Number.isFinite(largestResidual) && { largestResidual }),
        ...(roots && { roots }),
      })
    }
    return { found }
  } catch (error) {
    if (!isUndiffuseError(error) || error.code !== 'unsupported') throw error
    return { refused: error.message }
  }
}

const db = (value) => `${Math.round(value) || 0}`.replace('-', '−')
const mean = (numbers) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length
const sum = (found, key) => found.reduce((total, one) => total + one[key], 0)

/** Error of the noise of each seed, evaluations a step, converged steps. */
function cellText({ found }) {
  if (!found) return 'refused'
  const errors = [...new Set(found.map(({ noiseNmseDb }) => db(noiseNmseDb)))].join(', ')
  const evaluations = mean(found.map((one) => one.evaluationsPerStep)).toFixed(1)
  return `${errors}; ${evaluations}; ${sum(found, 'convergedSteps')} of ${sum(found, 'steps')}`
}

/** How the default ended, and what it says of other roots. */
function endText({ found }) {
  const outcomes = [...new Set(found.map(({ outcome }) => outcome))].filter((outcome) => outcome !== 'converged')
  const residual = Math.max(...found.map(({ largestResidual = 0 }) => largestResidual))
  const end = outcomes.length === 0 ? 'converged' : `${outcomes.join(', ')}, residual ${residual.toExponential(0)}`
  const roots = found.filter((one) => one.roots)
  const answers = [...new Set(roots.map((one) => one.roots))].join(', ')
  return `${end} | ${roots.length === 0 ? '–' : `${answers} (${roots.length} of ${found.length})`}`
}

const say = (line) => process.stdout.write(`${line}\n`)
const runtime = ortNode({ threads: 1 })
try {
  say('| folder, solver, guidance | steps | naive | Picard | automatic | ended | roots |')
  say('| --- | --- | --- | --- | --- | --- | --- |')
  for (const { folder, side } of given.length > 0 ? given : [...miniatures, ...bundled]) {
    for (const steps of values.steps.split(',').map(Number)) {
      const model = await openDiffusionModel(nodeFiles, folder, runtime, { steps })
      const solver = model.solver ?? model.schedulerSolver
      const shared = { prompt, guidance: model.guidance, solver }
      const generations = []
      for (const seed of seeds) {
        const noise = torchNoise(seed, latentShapeAt(model, sizeOf(model.layout, side)))
        generations.push(await generate({ ...shared, model, noise }))
      }
      const cells = []
      for (const specification of specifications) {
        const measured = await cell(model, generations, specification, shared)
        cells.push(measured)
        const settings = { folder: basename(folder), solver: solver.name, guidance: model.guidance, steps }
        if (json) say(JSON.stringify({ ...settings, inverter: specification, ...measured }))
      }
      await model.close()
      const name = `${basename(folder)}, ${solver.name}, ${model.guidance}`
      say(`| ${name} | ${steps} | ${cells.map(cellText).join(' | ')} | ${endText(cells.at(-1))} |`)
    }
  }
} finally {
  await runtime.close()
}
