/** Charts as SVG text, by Vega-Lite. Vega is heavy and loaded only when a chart is drawn. */
import type { TopLevelSpec } from 'vega-lite'
import { expected } from '../core/errors.js'
import type { PlotAxis, ScatterPlot } from '../operations/host.js'
import { labelPlaces } from './label-places.js'

export interface HeatMapCell {
  readonly x: string
  readonly y: string
  readonly value: number
  /** The panel it belongs to; panels stand beside each other. Default: one panel without a name. */
  readonly panel?: string
}

export interface HeatMap {
  readonly title: string
  readonly x: string
  readonly y: string
  /** Values beyond these ends have their colours. */
  readonly value: { readonly title: string; readonly least: number; readonly greatest: number }
  readonly cells: readonly HeatMapCell[]
}

const dark = '#1f2328'
const grey = '#6e7781'
/** Told apart by people with any colour vision, and by shape where printed grey. Source: Okabe and Ito, 2008. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000']
const shapes = ['circle', 'square', 'triangle-up', 'diamond', 'triangle-down', 'cross', 'triangle-right']

/** Series of one colour differ in shape. */
const shapeOf = (i: number): string => shapes[(i + Math.floor(i / colours.length)) % shapes.length]!

/** In the title of an axis, which is read aloud too, and of several layers is kept once only as one text. */
const lineBreak = '  '

const look = {
  lineBreak,
  font: 'Helvetica, Arial, "DejaVu Sans", sans-serif',
  background: '#ffffff',
  view: { stroke: null },
  title: {
    anchor: 'start',
    fontSize: 16,
    fontWeight: 600,
    color: dark,
    offset: 14,
    subtitleFontSize: 12,
    subtitleColor: grey,
    subtitlePadding: 6,
  },
  axis: {
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: 'normal',
    labelColor: dark,
    titleColor: dark,
    titlePadding: 10,
    gridColor: '#eaeef2',
    domainColor: '#8c959f',
    tickColor: '#8c959f',
    labelOverlap: 'greedy',
  },
  legend: {
    labelFontSize: 12,
    title: null,
    orient: 'bottom',
    labelColor: dark,
    labelLimit: 640,
    symbolSize: 70,
    symbolOpacity: 1,
    rowPadding: 6,
  },
} as const

/** Of scatter plots, in pixels without axes. */
const plotSize = { width: 560, height: 360 }

/** Of 12 pixels, as Vega reckons where it cannot measure; letters are narrower. */
const characterWidth = 9.6
/** The plot with the numbers of its axis. */
const chartWidth = plotSize.width + 60
/** Of a legend's symbol, and between its columns. */
const legendRoom = 36

/** As many columns as the plot has room for. */
const legendColumns = (names: readonly string[]): number =>
  Math.max(
    1,
    Math.floor(plotSize.width / (legendRoom + characterWidth * Math.max(...names.map((name) => name.length)))),
  )

/** The words of a text, in lines of so many pixels at most; what a no-break space joins stays together. */
function linesOf(text: string, pixels: number): string[] {
  const most = Math.floor(pixels / characterWidth)
  const lines: string[] = []
  for (const word of text.split(/[^\S\u00a0]+/)) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && longer.length <= most) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** How far along its axis a value is, from 0 to 1. */
const shareOf = (value: number, { log = false }: PlotAxis, [least, greatest]: readonly [number, number]): number =>
  log ? Math.log(value / least) / Math.log(greatest / least) : (value - least) / (greatest - least)

/** An SVG document of a specification. */
async function draw(spec: TopLevelSpec): Promise<string> {
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')])
  const compiled = compile(spec, { config: { ...look } })
  const view = new vega.View(vega.parse(compiled.spec), { renderer: 'none', logLevel: vega.Warn })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

/**
 * Draws a Vega-Lite specification as an SVG document; texts stay texts, in the reader's sans-serif font.
 *
 * @example await writeFileAtomically('chart.svg', await plotSvg({ data: { values }, mark: 'bar', encoding }))
 */
export const plotSvg = (spec: Readonly<Record<string, unknown>>): Promise<string> =>
  // Its own type would bring the types of a browser to everyone who imports this package.
  draw(spec as unknown as TopLevelSpec)

/**
 * A scatter plot as an SVG document: one colour and shape for each series, lines through those that have them, error
 * bars and labels where points have them, a legend below where there are several series. Throws `bad-option` where a value is
 * not finite, or not positive on a logarithmic axis.
 *
 * @example
 * await scatterPlot({
 *   title: 'Reconstruction against time',
 *   x: { title: 'Seconds', log: true },
 *   y: { title: 'PSNR (dB)' },
 *   series: [{ name: 'gradient-free', line: true, points: [{ x: 1, y: 24, low: 23, high: 25 }] }],
 * })
 */
export async function scatterPlot({ title, subtitle, x, y, series: given }: ScatterPlot): Promise<string> {
  // A series without a point has no place in the legend.
  const series = given.filter(({ points }) => points.length > 0)
  const names = series.map(({ name }) => name)
  const points = series.flatMap((one) => one.points)
  const xAxis = axisOf(
    x,
    points.map((point) => point.x),
  )
  const yAxis = {
    ...axisOf(
      y,
      points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]),
    ),
    // One that is longer than its axis would take room above and below the plot.
    title: linesOf(titleOf(y), plotSize.height).join(lineBreak),
  }
  const places = labelPlaces(
    points.map((point) => ({
      x: plotSize.width * shareOf(point.x, x, xAxis.scale.domain),
      y: plotSize.height * (1 - shareOf(point.y, y, yAxis.scale.domain)),
      label: point.label,
    })),
    plotSize,
  )
  const values = series
    .flatMap(({ name, line = false, hollow = false, points }) =>
      points.map((point) => ({ ...point, name, line, hollow })),
    )
    .map((point, i) => ({ ...point, place: places[i] }))
  const legend = { legend: series.length > 1 ? { columns: legendColumns(names) } : null }
  const byName = { field: 'name', type: 'nominal', sort: null, ...legend } as const
  const byColour = { ...byName, scale: { domain: names, range: names.map((_, i) => colours[i % colours.length]!) } }
  const fills = series.map(({ hollow }, i) => (hollow ? 'transparent' : colours[i % colours.length]!))
  const byFill = { ...byName, scale: { domain: names, range: fills } }
  const has = (...fields: readonly string[]) => fields.map((field) => ({ filter: `isValid(datum.${field})` }))
  return await draw({
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: title, ...(subtitle !== undefined && { subtitle: linesOf(subtitle, chartWidth) }) },
    ...plotSize,
    padding: 16,
    data: { values },
    encoding: {
      x: { field: 'x', ...xAxis },
      y: { field: 'y', ...yAxis },
    },
    layer: [
      {
        transform: [{ filter: 'datum.line' }],
        mark: { type: 'line', strokeWidth: 2 },
        encoding: { color: byColour },
      },
      {
        transform: has('low', 'high'),
        mark: { type: 'rule', strokeWidth: 1.5, opacity: 0.6 },
        encoding: { y: { field: 'low', ...yAxis }, y2: { field: 'high' }, color: byColour },
      },
      {
        mark: { type: 'point', filled: true, size: 70, opacity: 1, strokeWidth: 2 },
        encoding: {
          shape: { ...byName, scale: { domain: names, range: names.map((_, i) => shapeOf(i)) } },
          fill: byFill,
          stroke: byColour,
          size: { condition: { test: 'datum.hollow', value: 110 }, value: 70 },
        },
      },
      {
        transform: [{ filter: 'datum.place && datum.place.leader' }],
        mark: {
          type: 'rule',
          color: grey,
          strokeWidth: 0.75,
          x2Offset: { expr: 'datum.place.leader.dx' },
          y2Offset: { expr: 'datum.place.leader.dy' },
        },
        encoding: { x2: { field: 'x' }, y2: { field: 'y' }, color: { value: grey } },
      },
      {
        transform: [{ filter: 'datum.place' }],
        mark: {
          type: 'text',
          align: { expr: 'datum.place.align' },
          dx: { expr: 'datum.place.dx' },
          dy: { expr: 'datum.place.dy' },
          baseline: 'middle',
          fontSize: 11,
        },
        encoding: { text: { field: 'label' }, color: { value: dark } },
      },
    ],
  })
}

/**
 * A table of numbers as coloured fields, in an SVG document: each field shows its value, rounded to a whole number; dark
 * is small. Rows, columns and panels stand in the order of the cells. Throws `bad-option` for no cells and for a value
 * that is not finite.
 *
 * @example
 * await heatMap({
 *   title: 'NMSE of the noise', x: 'Guidance', y: 'Method', value: { title: 'dB', least: -140, greatest: 0 },
 *   cells: [{ x: '1', y: 'naive', value: -21 }, { x: '7.5', y: 'naive', value: -4 }],
 * })
 */
export async function heatMap({ title, x, y, value, cells }: HeatMap): Promise<string> {
  const numbers = cells.map((cell) => cell.value)
  if (cells.length === 0 || !numbers.every(Number.isFinite)) {
    throw expected(
      'bad-option',
      'finite numbers, at least one,',
      'a heat map',
      describeValues(numbers),
      'Leave them out.',
    )
  }
  const { least, greatest } = value
  const inOrder = (of: (cell: HeatMapCell) => string) => [...new Set(cells.map(of))]
  const rows = inOrder((cell) => cell.y)
  const middle = (least + greatest) / 2
  return await draw({
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title,
    padding: 16,
    data: { values: cells.map((cell) => ({ panel: '', ...cell, text: `${Math.round(cell.value)}` })) },
    facet: {
      column: {
        field: 'panel',
        type: 'nominal',
        sort: inOrder(({ panel = '' }) => panel),
        header: { title: null, labelFontSize: 13 },
      },
    },
    spec: {
      width: { step: 46 },
      height: { step: rows.length > 12 ? 24 : 34 },
      encoding: {
        x: { field: 'x', type: 'ordinal', sort: inOrder((cell) => cell.x), axis: { title: x, labelAngle: 0 } },
        y: { field: 'y', type: 'ordinal', sort: rows, axis: { title: y, labelLimit: 420 } },
      },
      layer: [
        {
          mark: { type: 'rect', stroke: '#ffffff', strokeWidth: 1 },
          encoding: {
            color: {
              field: 'value',
              type: 'quantitative',
              scale: { scheme: 'viridis', domain: [least, greatest], clamp: true },
              legend: { title: value.title, orient: 'right' },
            },
          },
        },
        {
          mark: { type: 'text', fontSize: 11 },
          encoding: {
            text: { field: 'text' },
            color: { condition: { test: `datum.value > ${middle}`, value: dark }, value: '#ffffff' },
          },
        },
      ],
    },
  })
}

const titleOf = ({ title, log = false }: PlotAxis): string => (log ? `${title} (logarithmic)` : title)

/** An axis that leaves a little room around its values; numbers far from 1 are written as powers of ten. */
function axisOf({ title, log = false }: PlotAxis, values: readonly number[]) {
  const scaled = values.map((value) => (log ? Math.log10(value) : value))
  const [least, greatest] = [Math.min(...scaled), Math.max(...scaled)]
  if (!Number.isFinite(least) || !Number.isFinite(greatest)) {
    const what = log ? 'positive numbers' : 'finite numbers'
    throw expected(
      'bad-option',
      `${what}, at least one,`,
      `the axis \`${title}\``,
      describeValues(values),
      'Leave such points out.',
    )
  }
  const room = greatest > least ? 0.05 * (greatest - least) : log ? 0.1 : Math.abs(least) / 10 || 1
  const start = !log && least >= 0 ? Math.max(least - room, 0) : least - room
  const domain = [start, greatest + room].map((end) => (log ? 10 ** end : end)) as [number, number]
  const labelExpr =
    "datum.value != 0 && (abs(datum.value) < 0.001 || abs(datum.value) >= 1e6) ? format(datum.value, '.0e') : format(datum.value, '~g')"
  return {
    type: 'quantitative' as const,
    title: titleOf({ title, log }),
    scale: { type: log ? ('log' as const) : ('linear' as const), domain, nice: false },
    axis: { labelExpr, tickCount: 8, ...(log && { values: logTicks(domain) }) },
  }
}

/** Ticks of a logarithmic axis: at most so many decades, and at least so many of whatever is finer. */
const [mostDecades, fewestTicks] = [10, 4]

/** Powers of ten, every second of very many; of few decades their multiples too, and within one even numbers. */
function logTicks([least, greatest]: readonly [number, number]): number[] {
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(greatest))]
  const stride = Math.ceil((last - first) / mostDecades)
  const decades = Array.from({ length: last - first + 1 }, (_, i) => first + i).filter((one) => one % stride === 0)
  const multiples = [[1], [1, 3], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]]
  const choices = multiples.map((some) => decades.flatMap((decade) => some.map((one) => Number(`${one}e${decade}`))))
  const seen = choices.map((ticks) => ticks.filter((tick) => tick >= least && tick <= greatest))
  return seen.find((ticks) => ticks.length >= fewestTicks) ?? evenTicks(least, greatest)
}

/** Multiples of 1, 2 or 5 times a power of ten, some four to nine of them. */
function evenTicks(least: number, greatest: number): number[] {
  const rough = (greatest - least) / fewestTicks
  const power = Math.floor(Math.log10(rough))
  const step = [5, 2, 1].map((one) => Number(`${one}e${power}`)).find((one) => one <= rough)!
  const [first, last] = [Math.ceil(least / step), Math.floor(greatest / step)]
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

const describeValues = (values: readonly number[]): string =>
  values.length === 0 ? 'no points' : values.slice(0, 8).join(', ')
