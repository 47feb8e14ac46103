import sharp from 'sharp'
import { expect, test } from 'vitest'
import { heatMap, scatterPlot } from './plot.js'

const axes = { x: { title: 'seconds', log: true }, y: { title: 'dB' } } as const

/** Where Vega drew the symbols of points, in drawing order. */
function symbols(svg: string): { x: number; y: number }[] {
  const marks = svg.split(/<g class="mark-/).filter((mark) => /^symbol role-mark layer_2/.test(mark))
  return marks.flatMap((mark) =>
    [...mark.matchAll(/transform="translate\(([-\d.]+),([-\d.]+)\)"/g)].map(([, x, y]) => ({
      x: Number(x),
      y: Number(y),
    })),
  )
}

test('points lie where their numbers say: decades at equal distances, more is higher', async () => {
  const points = [1, 10, 100].map((x) => ({ x, y: x }))
  const [first, second, third] = symbols(await scatterPlot({ title: 't', ...axes, series: [{ name: 's', points }] }))
  // Vega writes positions with three decimals.
  expect(second!.x - first!.x).toBeCloseTo(third!.x - second!.x, 2)
  expect((first!.y - third!.y) / (first!.y - second!.y)).toBeCloseTo(11, 2)
})

/** The texts of the numbers along both axes. */
const tickLabels = (svg: string): string[][] =>
  [...svg.matchAll(/role-axis-label.*?<\/g>/gs)].map(([group]) =>
    [...group.matchAll(/>([^<]+)<\/text>/g)].map(([, t]) => t!),
  )

test.each([
  ['a few hundred evaluations', [98, 392], ['100', '200', '300']],
  ['within one decade', [2.1e-2, 4.8e-2], ['0.025', '0.03', '0.04']],
  ['nearly alike', [231, 238], ['232', '234', '236', '238']],
  ['three decades', [1e-5, 2e-2], ['1e-5', '1e-4', '0.001', '0.01']],
  ['sixteen decades', [1e-16, 1], ['1e-16', '1e-8', '1']],
])('a logarithmic axis has at least four numbers over %s', async (_, [low, high], some) => {
  const points = [low!, high!].map((x) => ({ x, y: x }))
  const [x] = tickLabels(await scatterPlot({ title: 't', ...axes, series: [{ name: 's', points }] }))
  expect(x!.length).toBeGreaterThanOrEqual(4)
  expect(x!.length).toBeLessThanOrEqual(12)
  expect(x).toEqual(expect.arrayContaining(some))
})

test('titles, names and labels are texts; error bars and lines are drawn; it renders', async () => {
  const svg = await scatterPlot({
    title: 'Time & quality',
    ...axes,
    series: [
      {
        name: 'gradient-free',
        line: true,
        points: [
          { x: 1, y: 20, low: 19, high: 21 },
          { x: 2, y: 22 },
        ],
      },
      { name: 'encoder', points: [{ x: 1, y: 10, label: 'E(x) < D' }] },
    ],
  })
  for (const text of ['Time &amp; quality', 'seconds (logarithmic)', 'dB', 'gradient-free', 'encoder', 'E(x) &lt; D']) {
    expect(svg).toContain(`>${text}</text>`)
  }
  expect(svg.match(/role-mark layer_1_marks.*?<\/g>/s)?.[0].match(/<line/g)).toHaveLength(1)
  expect(svg).toContain('mark-line')
  const { width, height } = await sharp(Buffer.from(svg)).metadata()
  expect(width).toBeGreaterThan(560)
  expect(height).toBeGreaterThan(360)
})

test('marks in a crowd are tied to their labels; the legend lies below the plot; the subtitle keeps all its words', async () => {
  const points = Array.from({ length: 9 }, (_, i) => ({ x: 230 + i, y: -100, label: `implicit:restarts=${i}` }))
  const others = { name: 'others', points: [{ x: 20, y: -7, label: 'naive' }] }
  const subtitle = 'a model, 1:\u00a0naive, “a large green star on the right, on yellow dots, and a ball”, guidance 7.5'
  const series = [{ name: 'a crowd', points }, others]
  const svg = await scatterPlot({ title: 't', subtitle, ...axes, series })
  const leaders = [...(svg.match(/role-mark layer_3_marks.*?<\/g>/s)?.[0] ?? '').matchAll(/<line[^>]* x2="([-\d.]+)"/g)]
  expect(leaders.length).toBeGreaterThan(2)
  expect(leaders.map(([, x2]) => Math.abs(Number(x2)) > 5)).not.toContain(false)
  for (const { label } of points) expect(svg).toContain(`>${label}</text>`)
  const legendTop = Number(/role-legend".*?translate\([-\d.]+,([-\d.]+)\)/s.exec(svg)?.[1] ?? 0)
  expect(legendTop).toBeGreaterThan(360)
  const words = [...svg.matchAll(/>([^<]+)</g)].map(([, text]) => text).join(' ')
  expect(words).toContain(subtitle)
})

test('the same numbers give the same chart', async () => {
  const plot = { title: 't', ...axes, series: [{ name: 's', points: [{ x: 3, y: 3 }] }] }
  expect(await scatterPlot(plot)).toBe(await scatterPlot(plot))
})

test.each([
  ['no points', [], /positive numbers, at least one, for the axis `seconds`, got no points/],
  ['zero on a logarithmic axis', [{ x: 0, y: 1 }], /positive numbers.*`seconds`, got 0/],
  ['NaN', [{ x: 1, y: Number.NaN }], /finite numbers.*`dB`, got NaN/],
])('%s is refused', async (_, points, message) => {
  await expect(scatterPlot({ title: 't', ...axes, series: [{ name: 's', points }] })).rejects.toMatchObject({
    code: 'bad-option',
    message: expect.stringMatching(message),
  })
})

test('a heat map has a field for each cell, in the order given, and says its numbers', async () => {
  const map = { title: 'Errors', x: 'Guidance', y: 'Method', value: { title: 'dB', least: -100, greatest: 0 } }
  const methods = ['sweep', 'naive']
  const cells = ['10 steps', '50 steps'].flatMap((panel, i) =>
    methods.flatMap((y, j) => ['1', '7.5', '10'].map((x, k) => ({ panel, x, y, value: -60 * i - 6.4 * j - k }))),
  )
  const svg = await heatMap({ ...map, cells })
  expect(svg.match(/aria-roledescription="rect mark"/g)).toHaveLength(cells.length)
  for (const text of ['Errors', 'Guidance', 'Method', '50 steps', '-68']) expect(svg).toContain(`>${text}<`)
  // Neither guidances nor methods are put into alphabetical order.
  expect(svg.indexOf('>7.5<')).toBeLessThan(svg.indexOf('>10<'))
  expect(svg.indexOf('>sweep<')).toBeLessThan(svg.indexOf('>naive<'))
  await sharp(Buffer.from(svg)).png().toBuffer()
  for (const bad of [[], [{ x: '1', y: 'a', value: Number.NaN }]]) {
    await expect(heatMap({ ...map, cells: bad })).rejects.toMatchObject({ code: 'bad-option' })
  }
})

test('the title of an axis is no longer than the axis, so that no gap lies above the plot', async () => {
  const title = 'Error of the noise in dB: lower is better, and what is below the least is drawn as the least of all'
  const points = [{ x: 1, y: 1, low: 0, high: 2 }]
  const svg = await scatterPlot({ title: 't', x: axes.x, y: { title }, series: [{ name: 's', points }] })
  const [, height] = /viewBox="0 0 [\d.]+ ([\d.]+)"/.exec(svg)!
  expect(Number(height)).toBeLessThan(520)
  expect(svg).toContain('>Error of the noise in dB: lower is<')
})

test('hollow points let those below them be seen', async () => {
  const points = [{ x: 1, y: 1 }]
  const series = [
    { name: 'latent', points },
    { name: 'picture', hollow: true, points },
  ]
  const drawn = await scatterPlot({ title: 't', ...axes, series })
  const marks = drawn.split(/<g class="mark-/).find((mark) => /^symbol role-mark layer_2/.test(mark))!
  const fills = (svg: string) =>
    [...svg.matchAll(/<path [^>]*stroke=[^>]*>/g)].map(([path]) => / fill="([^"]+)"/.exec(path)?.[1] ?? 'none')
  expect(fills(marks)).toEqual(['#0072b2', 'none'])
  // The legend draws them alike.
  const symbols = drawn.split(/<g class="mark-/).filter((mark) => mark.startsWith('symbol role-legend-symbol'))
  expect(symbols.flatMap(fills)).toEqual(['#0072b2', 'none'])
})

test('the legend names no series without a point', async () => {
  const points = [{ x: 1, y: 1 }]
  const series = [
    { name: 'nothing', points: [] },
    { name: 'latent', points },
    { name: 'picture', points },
  ]
  const drawn = await scatterPlot({ title: 't', ...axes, series })
  expect(drawn).toContain('>picture<')
  expect(drawn).not.toContain('nothing')
})
