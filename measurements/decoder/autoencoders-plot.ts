/** Chart of several autoencoders: errors of the latent and of the pixels against round trips, and where methods stop. */
import { plotSvg } from 'undiffuse/node'
import type { AutoencoderResult, AutoencodersResult } from './autoencoders.js'
import type { PathPoint } from './error-paths.js'

const measures = [
  { title: 'NMSE of the latent (dB)', of: ({ nmseDb }: PathPoint) => nmseDb },
  { title: 'PSNR of its picture (dB)', of: ({ psnrDb }: PathPoint) => psnrDb },
] as const

/** Told apart by people with any colour vision. Source: Okabe and Ito, 2008. */
const colours = ['#e69f00', '#d55e00', '#56b4e9', '#0072b2', '#cc79a7', '#009e73']

type Measure = (typeof measures)[number]

/** One panel. */
function panel({ model, paths }: AutoencoderResult, { title, of }: Measure, isFirst: boolean) {
  const names = paths.map(({ method }) => method)
  const point = (method: string, one: PathPoint) => ({ method, x: one.roundTrips, y: of(one) })
  const ends = paths.map(({ method, end }) => point(method, end))
  const lines = paths.flatMap(({ method, points, end }) =>
    points.filter(({ roundTrips }) => roundTrips <= end.roundTrips).map((one) => point(method, one)),
  )
  const scale = { zero: false }
  return {
    width: 250,
    height: 220,
    ...(isFirst && { title: { text: model, fontSize: 13, offset: 8, anchor: 'start' as const } }),
    encoding: {
      x: { field: 'x', type: 'quantitative' as const, title: 'Round trips', scale },
      y: { field: 'y', type: 'quantitative' as const, title, scale },
      color: {
        field: 'method',
        type: 'nominal' as const,
        sort: null,
        scale: { domain: names, range: names.map((_, i) => colours[i % colours.length]!) },
      },
    },
    layer: [
      { data: { values: lines }, mark: { type: 'line' as const, strokeWidth: 2 } },
      { data: { values: ends }, mark: { type: 'point' as const, filled: true, size: 90, opacity: 1 } },
    ],
  }
}

/**
 * An SVG with a column for each autoencoder that was watched: the latent's error above, the pixels' below. Lines are what
 * a method looks at, dots the latent that it returns. Undefined where nothing was watched.
 */
export async function autoencodersPlot({ autoencoders }: AutoencodersResult): Promise<string | undefined> {
  const watched = autoencoders.filter(({ paths }) => paths.length > 0)
  if (watched.length === 0) return undefined
  return await plotSvg({
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: 'Errors along the way; dots: what each method returns',
    padding: 16,
    vconcat: measures.map((measure, i) => ({ hconcat: watched.map((one) => panel(one, measure, i === 0)) })),
    config: { legend: { orient: 'bottom', columns: 3 } },
  })
}
