/** Progress on terminals of any width and in pipes, by a clock of the test. */
import { Task, zeros } from 'undiffuse'
import {
  detectOperation,
  keygenOperation,
  type Operation,
  type OperationFields,
  readSettings,
  type Settings,
  type Told,
} from 'undiffuse/operations'
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { clock, type ProgressStream, progressView } from './progress.js'

/** What a terminal shows: the line that is drawn, and the lines above it. */
function screen(columns: number) {
  let text = ''
  const stream: ProgressStream = { isTTY: true, columns, write: (more) => (text += more) }
  const lines = () => text.split('\n').map((line) => line.split('\r\x1b[2K').at(-1)!)
  /** All lines that stood there at any time. */
  const drawn = () => text.split('\n').flatMap((line) => line.split('\r\x1b[2K'))
  return { stream, lines, drawn }
}

function pipe() {
  let text = ''
  const stream: ProgressStream = { write: (more) => (text += more) }
  return { stream, lines: () => text.split('\n').slice(0, -1) }
}

/** A minute and a half of a stage, a step a second. */
function ninetySteps(stream: ProgressStream, more: Partial<Told> = {}) {
  let seconds = 0
  const view = progressView(stream, () => seconds)
  for (let done = 0; done <= 90; done++) {
    view.show({ stage: 'most probable noise, round 1 of 4', done, total: 90, residual: 0.5 ** done, ...more })
    seconds++
  }
  return view
}

describe.each([20, 40, 80, 200])('on a terminal of %i columns', (columns) => {
  it('stays on one line, tells elapsed and remaining time, and leaves the line empty', () => {
    const { stream, lines, drawn } = screen(columns)
    const view = ninetySteps(stream)
    expect(drawn().filter((line) => line.length > columns - 1 && !line.includes('about'))).toEqual([])
    if (columns >= 40) expect(lines().at(-1)).toMatch(/90\/90 {2}1:30, 0:00 left/)
    view.clear()
    expect(lines().at(-1)).toBe('')
  })
})

it('draws a bar where there is room, and cuts the name of the stage where there is none', () => {
  const [wide, narrow] = [screen(120), screen(40)]
  for (const { stream } of [wide, narrow]) ninetySteps(stream)
  expect(wide.lines().at(-1)).toMatch(/^most probable noise, round 1 of 4 █+ 90\/90 .* residual 8\.08e-28$/)
  expect(narrow.lines().at(-1)).toMatch(/^most probab.*… 90\/90/)
})

it('does not tell a residual that nobody knows', () => {
  const { stream, lines } = screen(120)
  ninetySteps(stream, { residual: Number.POSITIVE_INFINITY })
  expect(lines().at(-1)).not.toContain('residual')
})

it('says before work of more than a minute how long it will take, and nothing before less', () => {
  const [long, short] = [pipe(), pipe()]
  ninetySteps(long.stream)
  expect(long.lines()[0]).toBe('most probable noise, round 1 of 4: about 2 min')
  let seconds = 0
  const view = progressView(short.stream, () => seconds)
  for (let done = 0; done <= 9; done++, seconds++) view.show({ stage: 'ddim', done, total: 9 })
  expect(short.lines()).toEqual([])
})

it('draws on a terminal that does not know its width', () => {
  const { stream, lines } = screen(0)
  progressView(stream, () => 0).show({ stage: 'ddim', done: 1, total: 2 })
  expect(lines().at(-1)).toMatch(/^ddim .*1\/2 {2}0:00$/)
})

it('goes on while a network runs: the clock ticks', () => {
  const { stream, lines } = screen(80)
  let seconds = 0
  const view = progressView(stream, () => seconds)
  view.show({ stage: 'ddim', done: 1, total: 2 })
  seconds = 75
  view.tick()
  expect(lines().at(-1)).toMatch(/^ddim .*1\/2 {2}1:15$/)
})

describe('parts of a work', () => {
  it('is as its steps where there is one part', () => {
    const { stream, lines } = pipe()
    ninetySteps(stream, { parts: { done: 0, total: 1, one: 'row' } })
    expect(lines()[0]).toBe('most probable noise, round 1 of 4: about 2 min')
    expect(lines().at(-1)).toMatch(/^most probable noise, round 1 of 4 90\/90 {2}1:30, 0:00 left/)
  })

  it('is not announced where a note has told how long all of it takes', () => {
    const { stream, lines } = pipe()
    ninetySteps(stream, { parts: { done: 0, total: 3, one: 'part', isTold: true } })
    expect(lines().filter((line) => line.includes('about'))).toEqual([])
  })

  /** Rows that cost 1 and 9 seconds, as expected or not; what is left is told every second. */
  function rows(seconds: readonly number[], weights?: readonly number[]) {
    const { stream, lines, drawn } = screen(120)
    let now = 0
    const view = progressView(stream, () => now)
    const total = seconds.length
    const parts = (done: number) => ({ done, total, one: 'row', ...(weights && { weights }) })
    const left: number[] = []
    for (const [done, one] of seconds.entries()) {
      view.show({ stage: 'a row', done: 0, parts: parts(done) })
      for (let second = 0; second < one; second++) {
        now++
        view.tick()
        const told = /, (\d+):(\d+) left/.exec(drawn().at(-1)!)
        if (told) left.push(60 * Number(told[1]) + Number(told[2]))
      }
    }
    return { left, lines }
  }

  /** Parts of so many steps each, which take so many seconds a step, and were expected to take others. */
  function foreseen(parts: readonly { readonly steps: number; readonly each: number; readonly expected: number }[]) {
    const { stream, drawn } = screen(120)
    let now = 0
    const view = progressView(stream, () => now)
    const seconds = parts.map(({ steps, expected }) => steps * expected)
    const whole = parts.reduce((sum, { steps, each }) => sum + steps * each, 0)
    const told: { readonly left: number; readonly really: number; readonly part: number }[] = []
    for (const [part, { steps, each, expected }] of parts.entries()) {
      for (let done = 0; done < steps; done++) {
        const far = { done: part, total: parts.length, begun: done * expected, seconds, isTold: true }
        view.show({ stage: `part ${part}`, done, total: steps, parts: far })
        for (let second = 0; second < each; second++) {
          now++
          view.tick()
          const [, minutes, rest] = /, (\d+):(\d+) left/.exec(drawn().at(-1)!) ?? []
          if (rest !== undefined) told.push({ left: 60 * Number(minutes) + Number(rest), really: whole - now, part })
        }
      }
    }
    return told
  }

  it('whose seconds are foreseen go by the pace of each, whatever those before it took', () => {
    // The first ends at once, as what was computed before; the second takes three times as long as it was expected to.
    const told = foreseen([
      { steps: 20, each: 1, expected: 10 },
      { steps: 20, each: 30, expected: 10 },
      { steps: 20, each: 2, expected: 2 },
    ])
    const late = told.filter(({ part, really }) => part === 2 || (part === 1 && really < 500))
    expect(late.length).toBeGreaterThan(300)
    const leastShare = 0.8
    for (const { left, really } of late.filter(({ really }) => really > 5))
      expect(Math.min(left / really, really / left)).toBeGreaterThan(leastShare)
  })

  it('whose seconds are foreseen never tell a number that stands still, nor of a part what the others will take', () => {
    const told = foreseen([
      { steps: 4, each: 200, expected: 5 },
      { steps: 10, each: 20, expected: 20 },
    ])
    // A number stands for a second or two, by rounding.
    const mostSeconds = 5
    const stood = told.filter(({ left }, i) => i >= mostSeconds && left === told[i - mostSeconds]!.left)
    expect(stood).toEqual([])
    expect(Math.min(...told.filter(({ part }) => part === 0).map(({ left }) => left))).toBeGreaterThan(199)
  })

  it('go by what they are expected to cost', () => {
    const { left, lines } = rows([10, 90, 10, 90], [1, 9, 1, 9])
    expect(left[0]).toBe(189)
    expect(left).toEqual(left.toSorted((a, b) => b - a))
    expect(lines()[0]).toBe('4 rows: about 3 min')
  })

  it('never promise more while one takes longer than it was expected to, nor that nothing is left', () => {
    const { left } = rows([10, 100, 10, 10])
    // Of the second row's 100 seconds those that were expected, and a few more; then the clock alone.
    const during = left.slice(0, 13)
    expect(during[0]).toBe(29)
    expect(during).toEqual(during.toSorted((a, b) => b - a))
    expect(Math.min(...during)).toBe(20)
    expect(left.length).toBe(13 + 20)
    expect(left.filter((seconds) => seconds === 0)).toEqual([])
    expect(rows([10, 30]).left).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1])
  })
})

it('counts hours', () => expect([5, 65, 3725].map(clock)).toEqual(['0:05', '1:05', '1:02:05']))

/** Everything that detect tells of so many pictures. */
async function toldOf(pictures: number, more: Readonly<Record<string, unknown>> = {}): Promise<readonly Told[]> {
  const host = memoryHost(analyticModel().model)
  const start = <F extends OperationFields, R>(operation: Operation<F, R>, given: Readonly<Record<string, unknown>>) =>
    new Task<unknown, Told>(operation.run(readSettings(operation.fields, given, operation.id) as Settings<F>, host))
  await start(keygenOperation, { scheme: 'gaussian-shading:bits=4', output: 'key.json' })
  for (let i = 0; i < pictures; i++) await host.paint(`many/${i}.png`, zeros([3, 4, 4]))
  const told: Told[] = []
  const given = {
    sources: 'many',
    key: 'key.json',
    solver: 'ddim',
    steps: 2,
    decoder: 'encoder-only',
    undo: 'none',
    ...more,
  }
  for await (const one of start(detectOperation, given)) told.push(one)
  return told
}

describe('200 pictures through detect', async () => {
  const told = await toldOf(200)

  /** As if each picture took 1.7 seconds. */
  function play(stream: ProgressStream) {
    let seconds = 0
    const view = progressView(stream, () => seconds)
    let finished = 0
    for (const one of told) {
      seconds += 1.7 * ((one.parts?.done ?? finished) - finished)
      finished = one.parts?.done ?? finished
      view.show(one)
    }
    view.clear()
    return seconds
  }

  it('in a pipe, tells how long it will take and then a line every ten seconds', () => {
    const { stream, lines } = pipe()
    const seconds = play(stream)
    expect(seconds).toBeCloseTo(340)
    expect(lines()[0]).toBe('200 pictures: about 6 min')
    const progress = lines().slice(1)
    expect(progress.length).toBeGreaterThanOrEqual(25)
    expect(progress.length).toBeLessThanOrEqual(34)
    for (const line of progress) expect(line).toMatch(/^\d+ of 200: .* \d:\d\d, \d:\d\d left$/)
  })

  it('on a terminal of 40 columns, is clean', () => {
    const { stream, lines, drawn } = screen(40)
    play(stream)
    expect(drawn().filter((line) => line.length > 39)).toEqual([])
    expect(lines()).toEqual(['200 pictures: about 6 min', ''])
  })
})

it('says which pictures are in hand at once', () => {
  const { stream, lines } = pipe()
  const clockwork = progressView(
    stream,
    (() => {
      let seconds = 0
      return () => (seconds += 11)
    })(),
  )
  clockwork.show({ stage: 'naive', done: 3, total: 9, parts: { done: 4, total: 12, inHand: 4 } })
  clockwork.show({ stage: 'naive', done: 3, total: 9, parts: { done: 11, total: 12, inHand: 4 } })
  expect(lines()[0]).toMatch(/^5–8 of 12: naive 3\/9/)
  expect(lines().at(-1)).toMatch(/^12 of 12: naive/)
})

describe.each([
  [1, 'many/0.png', '21 readings: about 6 min'],
  [2, 'many', '2 pictures: about 13 min'],
])('%i pictures that are read in many ways', (pictures, sources, announced) => {
  it('are announced, and have one time left over all stages', async () => {
    const undo = ['flip', 'quarter-turn', 'rotation:range=4,step=0.5']
    const told = await toldOf(pictures, { sources, undo })
    const notes = told.flatMap(({ note }) => (note ? [note] : []))
    expect(notes.filter(({ text }) => text.includes('ways'))).toEqual([
      { about: 'many/0.png', text: '`many/0.png` is read in 21 ways, each an inversion.' },
    ])
    // Every step takes two seconds, whatever its stage.
    const { stream, lines } = pipe()
    let seconds = 0
    const view = progressView(stream, () => seconds)
    for (const one of told.slice(told.findIndex(({ note }) => note?.text.includes('ways')) + 1)) {
      view.show(one)
      seconds += 2
    }
    expect(lines().filter((line) => line.includes('about'))).toEqual([announced])
    const ends = lines().flatMap((line) => {
      const [, minutes, more, left, rest] = /(\d+):(\d+), (\d+):(\d+) left/.exec(line) ?? []
      return left === undefined ? [] : [60 * (Number(minutes) + Number(left)) + Number(more) + Number(rest)]
    })
    expect(ends.length).toBeGreaterThan(5)
    const leastShare = 0.75
    for (const end of ends) expect(Math.min(end / seconds, seconds / end)).toBeGreaterThan(leastShare)
  })
})
