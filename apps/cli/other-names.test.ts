/** Names of options elsewhere: each leads to an option that there is, in the commands that people mean. */
import type { Command } from 'commander'
import { expect, it } from 'vitest'
import { nameHere, otherNames } from './other-names.js'
import { commandOf, programFor } from './program.js'

const program = await programFor('all')
const optionsOf = ({ options }: Command) => options.flatMap(({ long }) => long?.slice(2) ?? [])
const everyCommand = (one: Command): readonly Command[] => [one, ...one.commands.flatMap(everyCommand)]

it.each([
  ['generate', '--key', '--watermark'],
  ['generate', '--num_inference_steps', '--steps'],
  ['generate', '--guidance-scale', '--guidance'],
  ['generate', '--negative-prompt', '--negative'],
  ['generate', '--height', '--size'],
  ['generate', '--out=a.png', '--output'],
  ['generate', '-n', '--count'],
  ['generate', '--scheduler', '--solver'],
  ['compare', '--scheduler', '--solvers'],
  ['watermark detect', '--watermark', '--key'],
  ['edit', '--prompt', '--from'],
  ['invert', '--nonsense', undefined],
])('%s %s is %s', (path, said, here) => {
  expect(nameHere(said, optionsOf(commandOf(program, path.split(' '))))).toBe(here)
})

it('every name here is an option of a command', () => {
  const known = new Set(everyCommand(program).flatMap(optionsOf))
  expect(Object.keys(otherNames).filter((name) => !known.has(name))).toEqual([])
})
