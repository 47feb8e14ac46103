/** What `watermark detect`, `identify` and `calibrate` say alike. */
import { formatShape } from 'undiffuse'
import { type EarlierLines, type KeyReport, plural } from 'undiffuse/operations'

/** A key in one line, without its secret. */
export const keyText = ({ id, scheme, members, messageBits, latentShape }: KeyReport): string =>
  [
    `key ${id}: ${scheme}`,
    `latents ${formatShape(latentShape)}`,
    ...(members > 1 ? [`${members} members`] : []),
    ...(messageBits > 0 ? [`${messageBits} bits of message`] : []),
  ].join(', ')

/** In one line; none where nothing was there. */
export const earlierLines = ({ lines, others }: EarlierLines): readonly string[] =>
  lines === 0
    ? []
    : [`  before       ${plural(lines, 'line')}, ${others} of pictures that were not asked for and do not count`]

/** How noise was recovered, in one line. */
export function recoveryText(model: string, settings: Readonly<Record<string, string>>): string {
  const { decoder, inverter, solver, steps, guidance, promptKnown } = settings
  const on = solver ?? `the scheduler's solver, ${steps} steps`
  const prompt = promptKnown === 'true' ? 'the prompt known' : 'the prompt not known'
  return `${model}: ${decoder}; ${inverter} on ${on}, guidance ${guidance}, ${prompt}`
}
