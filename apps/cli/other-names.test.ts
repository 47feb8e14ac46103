/** Names of options elsewhere: each leads to a known option, in the commands that people mean. */
import type { Command } from 'commander'
import { expect, it } from 'vitest'
import { commandHere, nameHere, optionHere, otherNames } from './other-names.js'
import { commandOf, helpFor, programFor, withoutParentsHelp } from './program.js'

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

it.each<readonly [group: string, said: string, here: string]>([
  ['', 'detect', 'watermark detect'],
  ['', 'identify', 'watermark identify'],
  ['', 'keygen', 'watermark keygen'],
  ['', 'calibrate', 'watermark calibrate'],
  ['watermark', 'verify', 'watermark detect'],
  ...['mark', 'embed', 'generate'].map((name) => ['watermark', name, 'generate --watermark'] as const),
  ...['mark', 'embed'].map((name) => ['', name, 'generate --watermark'] as const),
  ['', 'sample', 'generate'],
  ['', 'txt2img', 'generate'],
  ['', 'img2img', 'edit'],
  ['', 'remove', 'edit'],
  ['', 'round_trip', 'roundtrip'],
])('the command %s %s is %s, which there is', (group, said, here) => {
  const hint = commandHere(said, group)
  expect(hint).toContain(`\`${here}\``)
  const [path, option] = here.split(' --')
  const command = commandOf(program, path!.split(' '))
  expect(command.commands).toEqual([])
  if (option) expect(optionsOf(command)).toContain(option)
})

it('no other name of a command is one here', () => {
  const paths = everyCommand(program).map((command) => [command.parent === program ? '' : 'watermark', command.name()])
  for (const [group, name] of paths.filter(([group]) => group === ''))
    expect(commandHere(name!, group!)).toBeUndefined()
  expect(commandHere('nonsense', '')).toBeUndefined()
})

it.each([
  ['generate', '--prompt', 'The prompt is the first argument: write it without `--prompt`.'],
  ['invert', '--image=a.png', 'The source is the first argument: write it without `--image=a.png`.'],
  ['generate', '--output-format', 'The ending of `-o` says the format.'],
  ['edit', '--prompt', 'Here it is called `--from`.'],
  ['generate', '--nonsense', undefined],
])('%s %s: %s', (path, said, hint) => {
  const command = commandOf(program, path.split(' '))
  const places = command.registeredArguments.map((one) => one.name())
  expect(optionHere(said, optionsOf(command), places)).toBe(hint)
})

it('the help of a group is no answer where it lacks the command', async () => {
  const words = (line: string) => withoutParentsHelp(commandOf(program, line.split(' ')), line.split(' ')).join(' ')
  expect(words('watermark mark foo --help')).toBe('watermark mark foo')
  expect(words('drwa -h')).toBe('drwa')
  for (const line of ['watermark --help', 'watermark detect --help', '-h', 'generate a -h'])
    expect(words(line)).toBe(line)
  await expect(helpFor(program, ['watermark', 'verify'], false)).rejects.toThrow(/known command.*`watermark detect`/)
})

it('every name here is an option of a command', () => {
  const known = new Set(everyCommand(program).flatMap(optionsOf))
  expect(Object.keys(otherNames).filter((name) => !known.has(name))).toEqual([])
})
