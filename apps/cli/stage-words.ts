/** What a stage of work does, in words for people; its name, a method's, stands behind. */
import { type Defined, decoderInverters, edits, inverters, solvers } from 'undiffuse'

const idsOf = (methods: readonly Defined<unknown>[]): readonly string[] =>
  methods.map(({ definition }) => definition.id)

const goingBack = 'going back to the noise'

/** What stages do whose names begin with one of these words. `automatic` names the latent's stage alone. */
const meanings: readonly (readonly [words: readonly string[], meaning: string])[] = [
  [idsOf(decoderInverters), 'finding the latent'],
  // Every edit begins with the way back.
  [[...idsOf(inverters), ...idsOf(edits)], goingBack],
  [idsOf(solvers), 'drawing the picture'],
  [['attention', 'difference', 'mask'], 'finding the mask'],
]

/** A row of a table, whose name is the stage of its way back: `automatic on ddim:steps=20`. */
const row = /^[^ ,]+ on /

/** `picture → noise: finding the latent (gradient steps)` of `picture → noise: gradient steps`. */
export function stageWords(stage: string): string {
  const [, part = '', name = ''] = /^(.*: )?(.*)$/s.exec(stage)!
  const coding = /^(encod|decod)e(?:, (.*))?$/s.exec(name)
  if (coding) return `${part}${coding[1]}ing the picture${coding[2] === undefined ? '' : ` (${coding[2]})`}`
  const word = /^[^ :,]*/.exec(name)![0]
  const meaning = row.test(name) ? goingBack : meanings.find(([words]) => words.includes(word))?.[1]
  return meaning === undefined ? stage : `${part}${meaning} (${name})`
}
