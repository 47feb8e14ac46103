/** Implicit steps with one root and with several, known in closed form; and stiff ones, on which fixed points do not contract. */
import { describe, expect, it } from 'vitest'
import { Task } from '../../src/core/index.js'
import {
  type Denoiser,
  type Diffusion,
  ddim,
  flowEuler,
  type Inverter,
  noiseLevel,
  rectifiedFlow,
  sample,
  type Trajectory,
} from '../../src/diffusion/index.js'
import { automatic, branching, implicit } from '../../src/diffusion/inverters/index.js'
import { combine, map, nmseDb, norm, type Tensor, tensor, torchNoise } from '../../src/math/index.js'
import { apply, orthonormalRows } from './problems.js'

/** 64 bits throughout, and a tolerance of 1e-10: what is wrong is another root. */
const exactDb = -150
const inverted = (inverter: Inverter, x: Tensor, diffusion: Diffusion): Promise<Trajectory> =>
  Promise.resolve(
    new Task(inverter.invert({ index: diffusion.grid.length - 1, x, memory: [] }, flowEuler({ steps: 1 }), diffusion)),
  )

/** The flow's step from s = 1 to s = 0: x′ = D(x), whatever D is; the network sees x alone. */
const oneStep = (denoise: Denoiser): Diffusion => ({ grid: [noiseLevel(1, 0, 1), noiseLevel(0, 1, 0)], denoise })

describe('a step with three roots', () => {
  /** x′ = x³ − x, place by place: between ±2/√27 it has three roots, else one. */
  const cubic = oneStep(async (x) => map(x, (v) => v ** 3 - v))
  /** Real roots of v³ − v = y, ascending: Viète where there are three, else Cardano. */
  function rootsOf(y: number): number[] {
    if (Math.abs(y) < 2 / Math.sqrt(27)) {
      const angle = Math.acos((y * Math.sqrt(27)) / 2) / 3
      return [0, 1, 2].map((k) => (2 / Math.sqrt(3)) * Math.cos(angle - (2 * Math.PI * k) / 3)).sort((a, b) => a - b)
    }
    const root = Math.sqrt((y * y) / 4 - 1 / 27)
    return [Math.cbrt(y / 2 + root) + Math.cbrt(y / 2 - root)]
  }
  const options = { tolerance: 1e-10, restarts: 30 }

  it.each([-0.3, 0.1, 0.2])('finds all of them at %d, and says so', async (y) => {
    expect(rootsOf(y)).toHaveLength(3)
    const { states, solutions } = await inverted(implicit(options), tensor([1], [y]), cubic)
    expect(rootsOf(y).some((root) => Math.abs(root - states[0]!.x.data[0]!) < 1e-8)).toBe(true)
    expect(solutions[0]!.roots).toEqual({ answer: 'several roots', found: 3, tried: 30 })
  })

  it.each([-0.3, 0.1, 0.2])('keeps the smallest at %d where it may choose', async (y) => {
    const { states, solutions } = await inverted(branching(options), tensor([1], [y]), cubic)
    const smallest = rootsOf(y).sort((a, b) => Math.abs(a) - Math.abs(b))[0]!
    expect(states[0]!.x.data[0]).toBeCloseTo(smallest, 8)
    expect(solutions[0]!.roots).toMatchObject({ answer: 'several roots', found: 3 })
  })

  it.each([-3, 2, 5])('finds the one at %d, and no second', async (y) => {
    for (const inverter of [implicit(options), branching(options)]) {
      const { states, solutions } = await inverted(inverter, tensor([1], [y]), cubic)
      expect(states[0]!.x.data[0]).toBeCloseTo(rootsOf(y)[0]!, 8)
      expect(solutions[0]!.roots).toEqual({ answer: 'unique as far as tried', found: 1, tried: 30 })
    }
  })

  it('says that there is none where there is none', async () => {
    const square = oneStep(async (x) => map(x, (v) => v * v))
    const { solutions } = await inverted(implicit(options), tensor([1], [-1]), square)
    expect(solutions[0]).toMatchObject({ outcome: 'exhausted', roots: { answer: 'none found', found: 0, tried: 30 } })
  })

  it.each([
    [0.9, undefined],
    [0.5, undefined],
    [0.1, 'not tried'],
    [-0.5, 'not tried'],
  ])(
    'without restarts, measures that x ↦ x − (%d·x − y) draws points together, and says what that leaves open',
    async (by, answer) => {
      const scaled = oneStep(async (x) => map(x, (v) => by * v))
      const { solutions } = await inverted(implicit({ tolerance: 1e-10 }), tensor([1], [1]), scaled)
      expect(solutions[0]!.contraction).toBeCloseTo(Math.abs(1 - by), 6)
      expect(solutions[0]!.roots?.answer).toBe(answer)
      const { solutions: branched } = await inverted(branching({ restarts: 0 }), tensor([1], [1]), scaled)
      expect(branched[0]!.roots?.answer).toBe(answer)
    },
  )

  it('without restarts, does not claim one root where there are three', async () => {
    const { solutions } = await inverted(implicit({ tolerance: 1e-10 }), tensor([1], [0.1]), cubic)
    expect(solutions[0]!.roots).toMatchObject({ answer: 'not tried', tried: 0 })
  })

  it('counts no flat place twice: what a tolerance cannot tell apart is one root', async () => {
    const flat = oneStep(async (x) => map(x, (v) => 1e-7 * v))
    const { solutions } = await inverted(implicit({ restarts: 30 }), tensor([1], [0]), flat)
    expect(solutions[0]!.roots).toMatchObject({ answer: 'unique as far as tried', found: 1 })
  })

  it('starts from the same points again for a seed, and counts what it costs', async () => {
    let asked = 0
    const counted = {
      ...cubic,
      denoise: (...question: Parameters<Denoiser>) => cubic.denoise(...question).finally(() => asked++),
    }
    const run = async () => (await inverted(implicit({ ...options, seed: 5 }), tensor([1], [0.1]), counted)).solutions
    const [first] = await run()
    expect(first!.evaluations).toBe(asked)
    expect(await run()).toEqual([first])
  })
})

describe('several steps with several roots', () => {
  /** In each step x′ = x + (s′ − s)·v, v = 3·sin(4x): at |Δs| = ½ the steps fold, at 1/40 they do not. */
  const velocity = (x: Tensor) => map(x, (v) => 3 * Math.sin(4 * v))
  const denoise: Denoiser = async (x, { sigma }) => combine([1, x], [-sigma, velocity(x)])
  const schedule = rectifiedFlow()

  it('has one root in each of many steps, and finds the noise', async () => {
    const solver = flowEuler({ steps: 40, end: 'zero' })
    const grid = solver.grid(schedule)
    const noise = torchNoise(3, [12])
    const { states } = await new Task(sample(noise, solver, { grid, denoise }))
    const found = await inverted(implicit({ tolerance: 1e-10, restarts: 6 }), states.at(-1)!.x, { grid, denoise })
    expect(found.solutions.every(({ roots }) => roots!.answer === 'unique as far as tried')).toBe(true)
    expect(nmseDb(found.states[0]!.x, noise)).toBeLessThan(exactDb)
  })

  it('goes back where a step has none, and keeps a smaller noise where there are several', async () => {
    const solver = flowEuler({ steps: 2, end: 'zero' })
    const grid = solver.grid(schedule)
    const isFound = ({ solutions }: Trajectory) => solutions.every(({ outcome }) => outcome === 'converged')
    const counts = { alone: 0, chosen: 0 }
    for (let seed = 0; seed < 10; seed++) {
      const { states } = await new Task(sample(torchNoise(seed, [2]), solver, { grid, denoise }))
      const clean = states.at(-1)!.x
      const alone = await inverted(implicit({ tolerance: 1e-10, fallback: 'continuation' }), clean, { grid, denoise })
      const chosen = await inverted(branching({ tolerance: 1e-10, restarts: 30 }), clean, { grid, denoise })
      if (isFound(alone)) counts.alone++
      if (isFound(chosen)) counts.chosen++
      if (isFound(alone)) expect(norm(chosen.states[0]!.x)).toBeLessThanOrEqual(norm(alone.states[0]!.x) * (1 + 1e-9))
    }
    expect(counts.alone).toBeLessThan(10)
    expect(counts.chosen).toBe(10)
  })
})

describe('stiff steps of a flow', () => {
  const size = 16
  /** One step of the whole path: |Δs| = 1, so that |Δs|·L = L. */
  const whole = (velocity: (x: Tensor) => Tensor): Diffusion => ({
    grid: [noiseLevel(1000, 0, 1), noiseLevel(0, 1, 0)],
    schedule: rectifiedFlow(),
    denoise: async (x, { sigma }) => combine([1, x], [-sigma, velocity(x)]),
  })
  const rows = orthonormalRows(4, size, size)
  /** v = A·x with the eigenvalues −L … −L/10 in a random basis, by a rotation that makes it not symmetric. */
  const linear = (stiffness: number) => {
    const scaled = rows.map((row, i) => row.map((value) => value * -stiffness * (1 - (0.9 * i) / (size - 1))))
    const back = rows[0]!.map((_, j) => rows.map((row) => row[j]!))
    return (x: Tensor) => apply(back, apply(scaled, x))
  }
  /** As steep, and bent: −L·(x + tanh x)/2, which has one root. */
  const bent = (stiffness: number) => (x: Tensor) => map(linear(1)(x), (v) => (stiffness / 2) * (v + Math.tanh(v)))

  const worlds = [
    ['linear', linear],
    ['bent', bent],
  ] as const
  it.each(worlds.flatMap(([name, make]) => [0.5, 1, 2, 5, 20].map((stiffness) => [name, stiffness, make] as const)))(
    '%s, |Δs|·L = %d: the fallback finds the root where Picard does not',
    async (_, stiffness, make) => {
      const diffusion = whole(make(stiffness))
      const noise = torchNoise(5, [size])
      const { states } = await new Task(sample(noise, flowEuler({ steps: 1 }), diffusion))
      const clean = states.at(-1)!.x
      const plain = await inverted(
        implicit({ iteration: 'picard', tolerance: 1e-10, iterations: 200 }),
        clean,
        diffusion,
      )
      if (stiffness > 1) expect(plain.solutions[0]!.outcome).not.toBe('converged')
      const found = await inverted(automatic({ tolerance: 1e-10, iterations: 60 }), clean, diffusion)
      expect(found.solutions[0]!.outcome).toBe('converged')
      expect(nmseDb(found.states[0]!.x, noise)).toBeLessThan(exactDb)
      expect(found.solutions[0]!.evaluations).toBeLessThanOrEqual(4 * 60)
    },
  )

  it('says what solved it, where it was not Anderson', async () => {
    // x′ = x³ − x: the naive start may lie beyond the turning points.
    const cubic = whole((x) => map(x, (v) => v - (v ** 3 - v)))
    const solved = async (inverter: Inverter, seed: number) => {
      const { states } = await new Task(sample(torchNoise(seed, [2]), flowEuler({ steps: 1 }), cubic))
      return (await inverted(inverter, states.at(-1)!.x, cubic)).solutions[0]!
    }
    const by = new Set<string | undefined>()
    for (let seed = 0; seed < 30; seed++) {
      const found = await solved(automatic({ tolerance: 1e-8 }), seed)
      if (found.by === undefined) continue
      expect(found.outcome).toBe('converged')
      expect((await solved(implicit({ tolerance: 1e-8 }), seed)).outcome).not.toBe('converged')
      by.add(found.by)
    }
    expect([...by].sort()).toEqual(['continuation', 'newton-krylov'])
  })
})

describe('a bent step, x′ = (α′/α)·(x − g(x))', () => {
  const [from, to] = [noiseLevel(1, 0.3, Math.sqrt(1 - 0.3 ** 2)), noiseLevel(0, 0.8, 0.6)]
  const [ofX, share] = [to.sigma / from.sigma, to.alpha / from.alpha]
  const ofEstimate = to.alpha - from.alpha * ofX
  const [slope, bends] = [0.95, 6]

  /** g = (0.95/6)·sin(6·R·x) with rows of length 1, so that Picard with the noise held fixed is x ← g(x) + (α/α′)·y. */
  const bentBy = (seed: number, size: number): Diffusion => {
    const rows = Array.from({ length: size }, (_, i) => torchNoise(1000 * seed + i, [size]))
    const unit = rows.map((row) => [...row.data].map((value) => value / norm(row)))
    const bent = (x: Tensor) => map(apply(unit, x), (v) => (slope / bends) * Math.sin(bends * v))
    return {
      grid: [from, to],
      denoise: async (x) => combine([(share - ofX) / ofEstimate, x], [-share / ofEstimate, bent(x)]),
    }
  }

  it('is solved by Picard where Anderson leaps past the root', async () => {
    const outcomes = { leapt: 0, byPicard: 0 }
    for (const size of [2, 4]) {
      for (let seed = 0; seed < 20; seed++) {
        const diffusion = bentBy(seed, size)
        const { states } = await new Task(sample(torchNoise(seed, [size]), ddim({ steps: 1 }), diffusion))
        const solved = async (inverter: Inverter) =>
          (await new Task(inverter.invert(states.at(-1)!, ddim({ steps: 1 }), diffusion))).solutions[0]!
        if ((await solved(implicit({ tolerance: 1e-8 }))).outcome === 'converged') continue
        outcomes.leapt++
        const found = await solved(implicit({ tolerance: 1e-8, fallback: 'picard' }))
        if (found.by === undefined) continue
        outcomes.byPicard++
        expect(found).toMatchObject({ by: 'picard', outcome: 'converged' })
        expect(found.residual).toBeLessThanOrEqual(1e-8)
        expect((await solved(automatic({ tolerance: 1e-8 }))).by).toBe('picard')
      }
    }
    expect(outcomes.byPicard, JSON.stringify(outcomes)).toBeGreaterThanOrEqual(2)
  })
})
