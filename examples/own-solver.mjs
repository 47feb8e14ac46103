// A sampler of your own, Adams-Bashforth 2, as its coefficients: inverted with no further code, and compared with ddim.
import { ddim, define, generate, invert, multistep, nmseDb, openDiffusionModel, Task } from 'undiffuse'
import { bundledFile, nodeFiles, nodeHost, ortNode } from 'undiffuse/node'
import { compareOperation, readSettings } from 'undiffuse/operations'

/** y = x/alpha moves along s = sigma/alpha with the slope ε = (x − alpha·D)/sigma: y′ = y + h·((1 + r/2)·ε − (r/2)·ε₋). */
const adamsBashforth = define({
  id: 'adams-bashforth-2',
  title: 'Adams-Bashforth 2',
  source: 'any textbook',
  fields: { steps: { type: 'integer', default: 10, minimum: 1, description: 'steps' } },
  make: ({ steps }) =>
    multistep({
      name: 'adams-bashforth-2',
      order: 2,
      past: { x: 1, denoised: 1 },
      grid: ddim({ steps, spacing: 'lambda' }).grid,
      coefficients(grid, i) {
        const s = grid.map(({ alpha, sigma }) => sigma / alpha)
        const h = s[i + 1] - s[i]
        const r = i === 0 ? 0 : h / (s[i] - s[i - 1])
        const { alpha } = grid[i + 1]
        const now = (alpha * h * (1 + r / 2)) / grid[i].sigma
        const before = i === 0 ? 0 : (-alpha * h * r) / 2 / grid[i - 1].sigma
        return {
          x: [alpha / grid[i].alpha + now, before],
          denoised: [-now * grid[i].alpha, -before * (grid[i - 1]?.alpha ?? 0)],
        }
      },
    }),
})

const runtime = ortNode()
const model = await openDiffusionModel(nodeFiles, bundledFile('models', 'undiffuse-scenes'), runtime)
const how = { model, prompt: 'a large green star on the right, on yellow dots', solver: adamsBashforth({ steps: 5 }) }
const { latent, noise } = await generate({ ...how, seed: 8, guidance: 1 })
const found = await invert({ latent }, { ...how, guidance: 1 })
console.log(
  `${found.exact}; noise ${nmseDb(found.noise, noise).toFixed(0)} dB; ${found.evaluations.denoises} evaluations`,
)
await runtime.close()

// In one table with others: a name, and the solver with its own grid and steps.
const { fields, run, id } = compareOperation
const solvers = [{ text: 'my-ab2', method: adamsBashforth({ steps: 5 }) }, 'ddim:spacing=lambda']
// The way back begins at the latent that was drawn, and no latent of a picture is searched.
const asked = {
  source: how.prompt,
  solvers,
  steps: 5,
  inverters: 'automatic',
  guidance: 1,
  from: 'latent',
}
const { result } = await new Task(run(readSettings(fields, asked, id), nodeHost()))
for (const { solver, fromLatent } of result.rows) {
  console.log(`${solver}: ${fromLatent.evaluations} evaluations, noise ${fromLatent.noiseNmseDb.toFixed(0)} dB`)
}
