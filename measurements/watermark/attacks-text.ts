/** The attack benchmark in words, and its receiver operating characteristics as charts. */
import { scatterPlot } from 'undiffuse/node'
import { decimal, textTable } from '../shared/text-table.js'
import { type AttackResult, type AttackRow, falsePositiveRates, type Share } from './attacks.js'

const percent = (share: number): string => (100 * share).toFixed(0)

const shareText = ({ share, low, high }: Share): string => `${percent(share)} (${percent(low)}…${percent(high)})`

interface Column {
  readonly heading: string
  of(row: AttackRow): string
}

const columns: readonly Column[] = [
  { heading: 'scheme', of: ({ scheme }) => scheme },
  { heading: 'attack', of: ({ attack }) => attack },
  { heading: 'decoder', of: ({ decoder }) => decoder },
  { heading: 'inverter', of: ({ inverter }) => inverter },
  { heading: 'AUC', of: ({ auc }) => `${auc.mean.toFixed(3)} ± ${auc.halfWidth.toFixed(3)}` },
  ...falsePositiveRates.map((rate, i) => ({
    heading: `% found at ${rate === 1e-6 ? '1e-6' : rate}`,
    of: ({ truePositives }: AttackRow) => shareText(truePositives[i]!),
  })),
  { heading: '−log₁₀ p', of: ({ medianEvidence }) => decimal(medianEvidence, 1) },
  { heading: 'bits %', of: ({ bitAccuracy }) => (bitAccuracy === undefined ? '–' : percent(bitAccuracy)) },
  {
    heading: '% whole',
    of: ({ wholeMessages }) => (wholeMessages === undefined ? '–' : shareText(wholeMessages)),
  },
  { heading: 'latent dB', of: ({ latentNmseDb }) => decimal(latentNmseDb, 1) },
  { heading: 'noise dB', of: ({ noiseNmseDb }) => decimal(noiseNmseDb, 1) },
  { heading: 'read', of: ({ candidates }) => decimal(candidates, 1) },
  { heading: 'attack dB', of: ({ attackPsnrDb }) => decimal(attackPsnrDb, 1) },
  { heading: 'seconds', of: ({ secondsPerPicture }) => decimal(secondsPerPicture, 2) },
]

export function attackText({ model, count, solver, guidance, prompt, undo, rows }: AttackResult): string {
  const shown = columns.filter(({ of, heading }) => heading !== 'inverter' || new Set(rows.map(of)).size > 1)
  return [
    'What marks in the noise survive',
    `${model}, ${count} pictures of each, ${solver}, guidance ${guidance}, prompt ${prompt} to the detector; 95 % intervals`,
    `undone: ${undo.join(', ') || 'nothing'}; read: the picture, and what it may have been; p counts them`,
    '',
    textTable(
      shown.map(({ heading }) => heading),
      rows.map((row) => shown.map(({ of }) => of(row))),
    ),
  ].join('\n')
}

/** Rates that the chart shows, from 1e-12 to 1. */
const shownRates = Array.from({ length: 49 }, (_, i) => 10 ** ((i - 48) / 4))

/** File names to charts: for each attack the share of marked pictures found over the rate of false positives. */
export async function attackPlots({ rows, model, attacks, decoders }: AttackResult): Promise<Record<string, string>> {
  const decoder = decoders.at(-1)
  const charts = attacks.map(async (attack) => {
    const own = rows.filter((row) => row.attack === attack && row.decoder === decoder)
    const svg = await scatterPlot({
      title: `${attack}, ${decoder} (${model}): found at the rate that p-values promise`,
      x: { title: 'Rate of false positives', log: true },
      y: { title: 'Share of marked pictures that are found' },
      series: own.map(({ scheme, logPValues }) => ({
        name: scheme,
        line: true,
        points: shownRates.map((rate) => ({
          x: rate,
          y: logPValues.filter((value) => value <= Math.log10(rate)).length / logPValues.length,
        })),
      })),
    })
    return [`watermark-roc-${attack.replace(/[^a-z0-9]+/gi, '-')}.svg`, svg] as const
  })
  return Object.fromEntries(await Promise.all(charts))
}
