/** Lists of methods take what follows them: a prompt or a path among it is the subject. */
import { Command } from 'commander'
import { compareOperation } from 'undiffuse/operations'
import { expect, it } from 'vitest'
import { addFields } from './options.js'
import { subjectsFirst } from './subjects-first.js'

const command = new Command('compare')
addFields(command, compareOperation.fields)

it.each([
  ['compare --inverters naive implicit|a red ball', 'compare|a red ball --inverters naive implicit'],
  ['compare --inverters naive photo.png --steps 5', 'compare photo.png --inverters naive --steps 5'],
  ['compare --solvers ddim --inverters naive|a ball: red', 'compare|a ball: red --solvers ddim --inverters naive'],
  ['compare|a ball --inverters implicit:iteration=picard,tolerance=1e-6', undefined],
  ['compare|a ball --solvers ddim:eta=0.5 scheduler dimm', undefined],
  ['compare --prompt|a ball photo.png --inverters naive', undefined],
  ['compare|a ball --inverters jpeg+crop noise', undefined],
  ['compare photo.png --inverters naive,implicit', undefined],
])('%s', (typed, wanted) => {
  // Words are parted by blanks; behind a bar is one with blanks in it, up to the next option.
  const words = (line: string) =>
    line.split(/ (?=--)/).flatMap((part) => {
      const [plain = '', quoted] = part.split('|')
      return [...plain.split(' '), ...(quoted === undefined ? [] : [quoted])]
    })
  expect(subjectsFirst(command, words(typed), 1)).toEqual(words(wanted ?? typed))
})
