/** The benchmark of edits in words and pictures. */
import { errorMap, type Interval, map } from 'undiffuse'
import { type ContactSheetCell, contactSheet, decodeImage } from 'undiffuse/node'
import { captionLines } from '../samplers/caption-lines.js'
import { decimal, textTable } from '../shared/text-table.js'
import type { EditBenchResult, EditedSource, EditPart, EditRow } from './edit.js'

const interval = ({ mean, halfWidth }: Interval, digits: number, unit = 1) =>
  `${decimal(unit * mean, digits)} ± ${decimal(unit * halfWidth, digits)}`
const percent = (share: number) => decimal(100 * share, 0)

const thousandth = 1000

/** What both tables say of a row. */
const background = ({ nmse, psnrDb, ssim }: EditRow): readonly string[] => [
  interval(nmse, 2, thousandth),
  interval(psnrDb, 1),
  decimal(ssim.mean, 3),
]

const success = ({ changed, changedAndKept }: EditRow): readonly string[] => [
  `${percent(changed.share)} (${percent(changed.low)}–${percent(changed.high)})`,
  percent(changedAndKept.share),
]

const cost = ({ evaluations, gradients, seconds }: EditRow): readonly string[] => [
  gradients > 0 ? `${decimal(evaluations, 0)} + ${decimal(gradients, 0)} gradients` : decimal(evaluations, 0),
  decimal(seconds, 1),
]

const common = {
  background: ['NMSE ×10⁻³', 'PSNR dB', 'SSIM'],
  success: ['changed %', 'and the rest kept %'],
  cost: ['evaluations', 'seconds'],
}

const refusals = ({ refused }: EditPart): readonly string[] =>
  refused.length === 0 ? [] : ['', 'Not taken:', ...refused.map(({ name, reason }) => `- ${name}: ${reason}`)]

function generatedText(part: EditPart): string {
  const { sources, rows } = part
  const ratio = ({ overOracle: over }: EditRow) =>
    over ? `${decimal(over.ratio, 2)} (${decimal(over.low, 2)}–${decimal(over.high, 2)})` : '–'
  return [
    `${sources} pictures that the model made; the oracle owns their trajectory, all others the 8-bit picture. Outside one mask for all (± and ranges: 95 %):`,
    '',
    textTable(
      ['', ...common.background, "over the oracle's NMSE", ...common.success, ...common.cost],
      rows.map((row) => [row.name, ...background(row), ratio(row), ...success(row), ...cost(row)]),
    ),
    ...refusals(part),
  ].join('\n')
}

function renderedText(part: EditPart): string {
  const { sources, rows } = part
  const overlaps = rows.flatMap(({ name, maskOverlap }) =>
    maskOverlap ? [`${name}: overlap with the known mask ${interval(maskOverlap, 2)} (intersection over union)`] : [],
  )
  return [
    `${sources} rendered scenes, whose mask and target are known. Outside the mask, and inside it against the scene that the edit should give:`,
    '',
    textTable(
      ['', ...common.background, 'to the target, PSNR dB', 'SSIM', ...common.success, ...common.cost],
      rows.map((row) => [
        row.name,
        ...background(row),
        row.targetPsnrDb ? interval(row.targetPsnrDb, 1) : '–',
        decimal(row.targetSsim?.mean, 3),
        ...success(row),
        ...cost(row),
      ]),
    ),
    ...(overlaps.length > 0 ? ['', ...overlaps] : []),
    ...refusals(part),
  ].join('\n')
}

/** The result as tables for terminals. */
export function editText({ model, solver, steps, guidance, generated, rendered }: EditBenchResult): string {
  return [
    `${model}, ${solver}, ${steps} steps, guidance ${guidance}`,
    ...(generated ? [generatedText(generated)] : []),
    ...(rendered ? [renderedText(rendered)] : []),
  ].join('\n\n')
}

const errorGain = 8

/** A PNG: each source with its mask, and what every case made of it, over its difference from the source. */
export async function editSheet(title: string, sources: readonly EditedSource[]): Promise<Uint8Array> {
  const rows: ContactSheetCell[][] = []
  for (const { source, results } of sources) {
    const [fromLines, toLines] = [source.from, source.to].map((prompt) => captionLines(prompt).join('\n')) as [
      string,
      string,
    ]
    const pictures = await Promise.all(
      results.map(async ({ name, measures }) => {
        return { name, ...(await decodeImage(Buffer.from(measures.picture, 'base64'), name)) }
      }),
    )
    rows.push([
      { image: source.source, label: fromLines },
      ...(source.target ? [{ image: source.target, label: `the target\n${toLines}` }] : []),
      ...pictures.map(({ name, image }, i) => ({ image, label: i === 0 ? `${name}\n${toLines}` : name })),
    ])
    rows.push([
      { image: map(source.mask, (value) => 2 * value - 1), label: 'mask' },
      ...(source.target ? [{ image: errorMap(source.target, source.source, errorGain), label: '' }] : []),
      ...pictures.map(({ image }) => ({ image: errorMap(image, source.source, errorGain), label: '' })),
    ])
  }
  return await contactSheet(rows, {
    title: `${title}; below: difference from the source × ${errorGain}`,
    cellSize: 128,
  })
}
