/** Which edits are compared: as rows of a table, each a method, what it is given, and whether it is told the mask. */

/**
 * `trajectory`: all states that made the picture, the oracle's; `picture`: the 8-bit picture, its latent found by decoder
 * inversion; `encoder`: the picture, its latent the encoder's; `target`: the latent of the scene that the edit should give.
 */
export type Given = 'trajectory' | 'picture' | 'encoder' | 'target'

export interface EditCase {
  readonly name: string
  /** A specification; absent: the latent is decoded as it is. */
  readonly method?: string
  readonly given: Given
  /** The same mask for all methods, or none: the whole picture may change. */
  readonly mask: 'shared' | 'none'
  /** The name of the case whose background error is the unit. */
  readonly oracle?: string
}

/** Masks are as they are to be used. */
const exact = 'exact-blending:dilation=0'
const naive = 'naive:dilation=0'
/** As in the published experiment latents are put back only up to here, and the rest of the steps are free. */
export const publishedShare = 0.7
const released = `,blendUntil=${publishedShare}`

const [always, published] = ['oracle', 'oracle, last steps free']

const within = (oracle: string, name: string, method: string, given: Given): EditCase => ({
  name,
  method,
  given,
  mask: 'shared',
  oracle,
})

/** Methods that blend only where they are told a mask. Null-text takes as long as all others: it is run once. */
const masked = ['bdia-round-trip', 'edict', 'negative-prompt'] as const
const free = ['naive', ...masked, 'null-text'] as const
const guidedFromSource = `${exact},guideFrom=source`

/** Of pictures that the model made. */
export const generatedCases: readonly EditCase[] = [
  within(always, always, exact, 'trajectory'),
  within(always, 'exact', exact, 'picture'),
  within(always, 'exact, encoder', exact, 'encoder'),
  within(always, 'exact, guided from the source', guidedFromSource, 'picture'),
  within(always, 'naive, mask', naive, 'picture'),
  within(always, 'naive, mask, encoder', naive, 'encoder'),
  ...masked.map((method) => within(always, `${method}, mask`, `${method}:dilation=0`, 'picture')),
  ...free.map((method): EditCase => ({ name: method, method, given: 'picture', mask: 'none', oracle: always })),
  within(published, published, `${exact}${released}`, 'trajectory'),
  within(published, 'exact, last steps free', `${exact}${released}`, 'picture'),
  within(published, 'naive, mask, last steps free', `${naive}${released}`, 'picture'),
  within(published, 'naive, mask, encoder, last steps free', `${naive}${released}`, 'encoder'),
]

const told = (name: string, method: string): EditCase => ({ name, method, given: 'picture', mask: 'shared' })
const untold = (name: string, method: string): EditCase => ({ name, method, given: 'picture', mask: 'none' })

/** Of rendered scenes, which no noise made: there is no oracle, but there is what the edit should give. */
export const renderedCases: readonly EditCase[] = [
  { name: 'the target itself, encoded', given: 'target', mask: 'none' },
  { name: 'the source itself, inverted', given: 'picture', mask: 'none' },
  told('exact', exact),
  told('exact, guided from the source', guidedFromSource),
  untold('exact, mask by attention', 'exact-blending:mask=attention'),
  untold('exact, mask by difference', 'exact-blending:mask=difference'),
  told('naive, mask', naive),
  ...masked.map((method) => told(`${method}, mask`, `${method}:dilation=0`)),
  ...free.map((method) => untold(method, method)),
]
