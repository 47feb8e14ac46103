/** What an invertibility report says: sentences for people, a verdict, a chart and a sheet of pictures. */
import { errorMap } from 'undiffuse'
import { contactSheet, scatterPlot } from 'undiffuse/node'
import { decimal, textTable } from '../shared/text-table.js'
import type { Example, Invertibility } from './invertibility.js'

export interface Verdict {
  /** Of gradient-free inversion on this model. */
  readonly invertible: 'well' | 'partly' | 'hardly'
  /** Whether 16-bit networks cost no accuracy that matters. */
  readonly halfPrecisionSuffices: boolean
  readonly sentences: readonly string[]
}

/** What the default method must gain over the encoder alone, in dB of NMSE, to be worth its evaluations. */
const gains = { well: 6, partly: 1 }
/** 16 bits are enough when their error is this far below that of inversion: it then adds less than half a dB. */
const halfPrecisionMarginDb = 10

const errorOf = ({ methods }: Invertibility, method: string) =>
  Math.min(...methods.filter((row) => row.method === method).map((row) => row.nmseDb.mean))

/** What the measurements mean for inverting pictures of this model. */
export function verdictOf(measured: Invertibility): Verdict {
  const { cocoercivity: c, halfPrecision, rounding, fixedPointError } = measured
  const [encoder, found] = [errorOf(measured, 'encoder only'), errorOf(measured, 'automatic')]
  const gain = encoder - found
  const invertible = gain >= gains.well ? 'well' : gain >= gains.partly ? 'partly' : 'hardly'
  const halfPrecisionSuffices = halfPrecision.finite && halfPrecision.latentDb <= found - halfPrecisionMarginDb
  const lost = rounding.from8BitDb - rounding.fromFloatDb
  return {
    invertible,
    halfPrecisionSuffices,
    sentences: [
      `Gradient-free inversion works ${invertible} here: the default method finds the latent to ${decimal(found, 1)} dB, the encoder alone to ${decimal(encoder, 1)} dB.`,
      `E∘D moves a known latent by ${decimal(100 * fixedPointError.mean, 1)} % of its norm.`,
      c.least > 0
        ? `It was cocoercive along every run; plain forward steps converge below ${c.largestStep.toPrecision(2)}.`
        : `It was cocoercive along ${decimal(100 * c.positiveShare, 0)} % of runs; plain forward steps have no safe size for the rest.`,
      halfPrecisionSuffices
        ? '16-bit networks are enough.'
        : halfPrecision.finite
          ? '16-bit networks cost accuracy; use 32 bits where it matters.'
          : '16-bit networks overflow; use 32 bits.',
      lost >= 1
        ? `Rounding pictures to 8 bits costs ${decimal(lost, 1)} dB: keep 16-bit files where you can.`
        : `Rounding pictures to 8 bits costs ${decimal(Math.max(lost, 0), 1)} dB.`,
    ],
  }
}

/** The report in words and numbers. */
export function invertibilityText(measured: Invertibility): string {
  const { model, pictures, sizePixels, reconstructionPsnrDb, fixedPointError, cocoercivity: c, rounding } = measured
  const { halfPrecision, methods } = measured
  const facts = [
    [
      'reconstruction D(E(x))',
      `${decimal(reconstructionPsnrDb.mean, 2)} ± ${decimal(reconstructionPsnrDb.halfWidth, 2)} dB PSNR`,
    ],
    [
      'fixed-point error ‖E(D(z)) − z‖/‖z‖',
      `${decimal(fixedPointError.mean, 4)} ± ${decimal(fixedPointError.halfWidth, 4)}`,
    ],
    ['cocoercivity, median and least', `${c.median.toPrecision(3)}, ${c.least.toPrecision(3)}`],
    ['largest forward step', c.largestStep.toPrecision(3)],
    [
      '16 bits against 32',
      halfPrecision.finite
        ? `latent ${decimal(halfPrecision.latentDb, 1)} dB, picture ${decimal(halfPrecision.imagePsnrDb, 1)} dB PSNR`
        : 'not finite',
    ],
    [
      'latent from D(z*), from its 8 bits',
      `${decimal(rounding.fromFloatDb, 2)} dB, ${decimal(rounding.from8BitDb, 2)} dB NMSE`,
    ],
  ]
  const width = Math.max(...facts.map(([name]) => name!.length))
  const table = textTable(
    ['method', 'evaluations', 'NMSE dB', '± 95 %', 'PSNR dB'],
    methods.map((row) => [
      row.method,
      decimal(row.evaluations, 1),
      decimal(row.nmseDb.mean, 2),
      decimal(row.nmseDb.halfWidth, 2),
      decimal(row.psnrDb.mean, 2),
    ]),
  )
  return [
    `Invertibility of ${model}, ${pictures} unseen scenes of ${sizePixels}×${sizePixels}`,
    '',
    ...facts.map(([name, value]) => `  ${name!.padEnd(width)}  ${value}`),
    '',
    table,
    '',
    ...verdictOf(measured).sentences,
  ].join('\n')
}

/** The chart of the report: error after each evaluation, a curve for each method. */
export const invertibilityPlot = ({ curves, model }: Invertibility): Promise<string> =>
  scatterPlot({
    title: `Error of the latent along inversion, ${model}`,
    x: { title: 'Evaluations', log: true },
    y: { title: 'NMSE of the latent (dB)' },
    series: curves.map(({ method, iterations, nmseDb }) => ({
      name: iterations === 0 ? method : `${method}, budget ${iterations}`,
      line: true,
      points: nmseDb.map((y, i) => ({ x: i + 1, y })),
    })),
  })

const errorGain = 8

/** The sheet of the report: for each example the picture, what each latent decodes to, and its error magnified. */
export const invertibilitySheet = (examples: readonly Example[], model: string): Promise<Uint8Array> =>
  contactSheet(
    examples.flatMap(({ image, columns }) => [
      [
        { image, label: '8-bit picture' },
        ...columns.map(({ name, nmseDb, decoded }) => ({
          image: decoded,
          label: `${name}\nlatent ${nmseDb.toFixed(1)} dB`,
        })),
      ],
      [
        { image: errorMap(image, image), label: 'no error' },
        ...columns.map(({ decoded }) => ({
          image: errorMap(decoded, image, errorGain),
          label: `error x ${errorGain}`,
        })),
      ],
    ]),
    { title: model },
  )
