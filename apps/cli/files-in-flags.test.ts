/** What people read in files has the names of the command line; bytes stay as they are. */
import { expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { withFlags } from './files-in-flags.js'

const fields = { saveMask: { type: 'file', description: 'the mask' } } as const
const text = 'Pass `settings.saveMask`, or `settings.saveMask m.png`.'

it('names settings as options in reports and journals', async () => {
  const memory = memoryHost(analyticModel().model)
  const { files } = withFlags(memory, fields)
  const bytes = new TextEncoder().encode(text)
  await files.write([
    ['report.json', JSON.stringify({ note: text })],
    ['bytes', bytes],
  ])
  const journal = await files.grow('lines.jsonl', 0)
  await journal.append(`${text}\n`)
  await journal.close()
  const named = 'Pass `--save-mask`, or `--save-mask m.png`.'
  expect(JSON.parse(await memory.files.text('report.json'))).toEqual({ note: named })
  expect(await memory.files.text('lines.jsonl')).toBe(`${named}\n`)
  expect(memory.written.get('bytes')).toEqual(bytes)
})
