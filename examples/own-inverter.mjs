// An inverter of your own beside others, in one table: node own-inverter.mjs <"a prompt" or picture.png>
import { combine, norm, Task, whyNotUndone } from 'undiffuse'
import { nodeHost } from 'undiffuse/node'
import { compareOperation, readSettings } from 'undiffuse/operations'

/** A few rounds of x ← x − (α/α′)·(step(x) − y) for each step, from the scaled y: (α, α′) at its noisier and its cleaner end. */
const fewRounds = (rounds) => ({
  name: 'few-rounds',
  accepts: (solver, grid) =>
    solver.unstep || solver.order > 1 ? 'It is for steps of first order.' : (whyNotUndone(solver, grid) ?? true),
  async *invert(clean, solver, diffusion) {
    const [states, solutions] = [[clean], []]
    for (let index = clean.index - 1; index >= 0; index--) {
      const [y, from, to] = [states[0].x, diffusion.grid[index], diffusion.grid[index + 1]]
      const history = []
      let x = combine([from.alpha / to.alpha, y])
      for (let round = 0; round < rounds; round++) {
        const missed = combine([1, (await solver.step({ index, x, memory: [] }, diffusion)).x], [-1, y])
        history.push(norm(missed) / (to.sigma * Math.sqrt(y.data.length)))
        x = combine([1, x], [-from.alpha / to.alpha, missed])
      }
      const [residual, outcome] = [history.at(-1), history.at(-1) < 1e-2 ? 'converged' : 'exhausted']
      states.unshift({ index, x, memory: [] })
      solutions.unshift({ value: x, residual, outcome, history, iterations: rounds, evaluations: rounds })
      yield { stage: 'few-rounds', done: clean.index - index, total: clean.index }
    }
    return { states, solutions }
  },
})

const [source = 'a large red ball on the left, on blue stripes'] = process.argv.slice(2)
const { fields, run, id } = compareOperation
const own = [1, 3].map((rounds) => ({ text: `few-rounds:${rounds}`, method: fewRounds(rounds) }))
const asked = {
  source,
  inverters: ['naive', ...own, 'implicit'],
  solvers: 'ddim:spacing=lambda',
  decoder: 'automatic:gradients=never',
  steps: 10,
  guidance: 1,
  // With a prompt the latent is known: none is searched for its picture.
  from: source.endsWith('.png') ? 'picture' : 'latent',
}
const task = new Task(run(readSettings(fields, asked, id), nodeHost()))
for await (const { parts } of task) if (parts) process.stderr.write(`\rrow ${parts.done + 1} of ${parts.total} `)
const { result, notes } = await task
console.error()
for (const { text } of notes) console.log(`note: ${text}`)
for (const { inverter, refusal, fromLatent, fromPicture } of result.rows) {
  const found = fromLatent ?? fromPicture
  console.log(inverter, refusal ?? `${found.evaluations} evaluations, noise ${found.noiseNmseDb?.toFixed(0) ?? '?'} dB`)
}
