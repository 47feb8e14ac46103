/**
 * Folders that nobody published: one thing of one file of a miniature is another. Each opens, or is refused by the name of
 * the field or the file, soon, in little memory and without a crash. A field that nobody knows is refused with its name.
 */
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { isUndiffuseError, type UndiffuseError } from '../src/core/index.js'
import { familyOf } from '../src/models/families/index.js'
import { openModelFolder } from '../src/models/folder.js'
import { chance } from './mutations/chance.js'
import { filesOf, folderAt, type Mutation, mutated } from './mutations/folders.js'

/** Of each folder; `UNDIFFUSE_MUTATIONS` asks for more. */
const count = Number(process.env.UNDIFFUSE_MUTATIONS ?? 25)
const mostSeconds = 10
const mostKilobytes = 2 ** 20
const root = '/model'
const golden = join(import.meta.dirname, 'golden', 'pipelines')

/** Everything that is read before a network runs: configurations, tokenizers, headers of weights, the scheduler's grid. */
async function refusalOf({ folder }: Pick<Mutation, 'folder'>): Promise<UndiffuseError | undefined> {
  const files = filesOf(folder, root)
  try {
    const opened = await openModelFolder(files, root)
    const { scheduler, schedule } = await familyOf(opened).read({ files, folder: opened, name: 'model', steps: 10 })
    scheduler.solver.grid(schedule([4, 8, 8]))
    return undefined
  } catch (error) {
    if (isUndiffuseError(error)) return error
    throw error
  }
}

/** What a message may name: the keys that were changed, but for the numbers of lists, or the file where it is another text. */
function namesOf({ file, keys }: Mutation): readonly string[] {
  const fields = keys.filter((key) => !/^\d+$/.test(key))
  // Nothing says which tensor a hole was; where all weights are missing their folder is named.
  const isWeights = file.endsWith('.safetensors')
  return fields.length > 0 && !isWeights ? fields : [...fields, file.split('/').at(-1)!, file.split('/')[0]!]
}

/** Configurations; not lists of tokens and of shards, whose fields are names. */
const isConfiguration = ({ file }: Mutation) =>
  !/(vocab|added_tokens|index)\.json$/.test(file) || file === 'model_index.json'

describe.each(['sd1-published', 'sd1', 'sd1-sharded', 'sd2', 'sdxl', 'instaflow'])('%s', (name) => {
  const folder = folderAt(join(golden, name))

  it('opens as it is', async () => {
    expect(await refusalOf({ folder })).toBeUndefined()
  })

  it(`${count} mutations`, async () => {
    const below = chance(name.length)
    for (let i = 0; i < count; i++) {
      const mutation = mutated(folder, below)
      const what = `${mutation.file}: ${mutation.keys.join('.')} ${mutation.done}`
      const begin = performance.now()
      const refusal = await refusalOf(mutation)
      expect((performance.now() - begin) / 1000, what).toBeLessThan(mostSeconds)
      if (refusal) {
        expect(['bad-model', 'unsupported', 'bad-option'], what).toContain(refusal.code)
        // A size that is not that of the weights is told by the tensor that it would have another one.
        const isOfTensor = /\w\.(weight|bias)\b/.test(refusal.message)
        const named = isOfTensor || namesOf(mutation).some((each) => refusal.message.includes(each))
        expect(named, `${what}: ${refusal.message}`).toBe(true)
      }
      // InstaFlow's pipeline does not ask its scheduler.
      const isRead = !(name === 'instaflow' && mutation.file.startsWith('scheduler'))
      if (mutation.unknown && isConfiguration(mutation) && isRead)
        expect(refusal?.message, what).toMatch('`unheard_of`')
    }
  })
})

afterAll(() => {
  expect(process.resourceUsage().maxRSS).toBeLessThan(mostKilobytes)
})
