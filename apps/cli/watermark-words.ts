/** What `watermark detect`, `identify` and `calibrate` say alike. */
import { type KeyRate, latentText } from 'undiffuse'
import { type EarlierLines, type FailedLine, type KeyReport, percent, plural, probability } from 'undiffuse/operations'

/** A key in one line, without its secret. */
export const keyText = ({ id, scheme, members, messageBits, latentShape, chosen }: KeyReport): string =>
  [
    `key ${id}: ${scheme}`,
    `latents of ${latentText(latentShape)}`,
    ...(members > 1 ? [`${members} members`] : []),
    ...(messageBits > 0 ? [`${plural(messageBits, 'bit')} of message`] : []),
    ...(chosen ? [`chosen among ${chosen.drawn} by ${plural(chosen.pictures, 'unmarked picture')}`] : []),
  ].join(', ')

/** In one line; none where nothing was there. */
export const earlierLines = ({ lines, others }: EarlierLines): readonly string[] =>
  lines === 0
    ? []
    : [
        `  before       ${plural(lines, 'line')}${others === 0 ? ' of these pictures' : `, ${others} of pictures that were not asked for and do not count`}`,
      ]

/** A key has 256 bits: over its draw no probability but 0 is below 2⁻²⁵⁶, about 1e-77. JSON has the number. */
const smallestTold = 1e-70

/** A p-value, as far down as it can be meant. */
export const pValueText = (value: number): string =>
  value < smallestTold ? `below ${probability(smallestTold)}` : probability(value)

/** The members of a family that a picture was not asked for. */
export const notAskedLines = ({ members }: KeyReport, asked: number | 'all'): readonly string[] =>
  members === 1 || asked === 'all'
    ? []
    : [
        `  not asked    member ${asked} alone was; the other ${members - 1} ${members === 2 ? 'was' : 'were'} not: \`--member all\`, or \`undiffuse watermark identify\``,
      ]

/** How noise was recovered, in one line. */
export function recoveryText(model: string, settings: Readonly<Record<string, string>>): string {
  const { decoder, inverter, solver, steps, trySteps, guidance, promptKnown } = settings
  const own = solver ?? `the scheduler's solver, ${plural(Number(steps), 'step')}`
  const on = trySteps === undefined ? own : `its solver in ${trySteps.replaceAll(' ', ', ')} steps`
  const prompt = promptKnown === 'true' ? 'the prompt known' : 'the prompt not known'
  return `${model}: ${decoder}; ${inverter} on ${on}, guidance ${guidance}, ${prompt}`
}

/** Where a step back to the noise was not solved. */
export const notRecoveredLine =
  '  undecided    the picture was not taken back to its noise: a mark that is not found may be there'

/** What was undone and tried for a candidate, in one line; none of the picture as it came, read in the one way there was. */
export function readAsLines(
  undone: string | null,
  readWith: string | undefined,
  candidates: number,
): readonly string[] {
  const as = [undone, readWith].filter((one) => typeof one === 'string').join(', ')
  return as === '' ? [] : [`  read as      ${as}, of ${candidates} ways to read it`]
}

/** How often one key calls unmarked pictures marked, at each rate. */
export const rateText = (rates: readonly KeyRate[]): string =>
  rates
    .map(({ nominalRate, rate, low, high }) => {
      return `${percent(rate)} (${percent(low)} to ${percent(high)}) at ${probability(nominalRate)}`
    })
    .join(', ')

/** What a scan may find where there is nothing. */
export const falseAlarmLines = (atMost: number, pictures: number): readonly string[] =>
  pictures === 0
    ? []
    : [
        `  by chance    at most ${probability(atMost)} expected, if none of ${pictures} is marked; false alarms of one key come together`,
      ]

/** Which pictures failed, where no line of each was printed. */
export const failureLines = (failed: number, first: readonly FailedLine[]): readonly string[] => [
  ...first.map(({ picture, error }) => `  failed       ${picture}: ${error.message}`),
  ...(failed > first.length ? [`               and ${failed - first.length} more: their lines have an \`error\``] : []),
]
