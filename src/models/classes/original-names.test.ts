/** Where tensors lie under the names of the first publication: row by row as diffusers converts them. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { runsOf } from '../../checkpoints/gguf-weights.js'
import { networkClasses } from './index.js'

type Runs = readonly (readonly [from: number, to: number])[]

/** Rows of each original tensor, and of each of ours which one it is and which runs of its rows. */
interface Conversion {
  readonly rows: Readonly<Record<string, number>>
  readonly origins: Readonly<Record<string, readonly [tensor: string, runs: Runs]>>
}

const golden = new URL('../../../test/golden/gguf/original-names.json', import.meta.url)
const conversions = JSON.parse(readFileSync(golden, 'utf8')) as Readonly<Record<string, Conversion>>

const known = networkClasses.flatMap(({ classNames, originalNames }) =>
  originalNames ? classNames.map((name) => [name, originalNames] as const) : [],
)

it.each(known)('of %s', (className, originalNames) => {
  const { rows, origins } = conversions[className]!
  const originOf = originalNames(Object.keys(rows))
  const read = new Set<string>()
  for (const [name, [tensor, runs]] of Object.entries(origins)) {
    const wanted = runs.reduce((sum, [from, to]) => sum + to - from, 0)
    const found = originOf(name)
    expect(found?.tensor, name).toBe(tensor)
    expect(runsOf(found!, wanted, rows[tensor]!), name).toEqual(runs)
    read.add(tensor)
  }
  expect([...read].sort()).toEqual(Object.keys(rows).sort())
  expect(originOf('something.else.weight')).toBeUndefined()
})
