/** Weights that are made: only those that are needed, once, and again where that failed. */
import { expect, it } from 'vitest'
import { memoryFiles } from '../../test/gguf-files.js'
import { madeWeights } from './made-weights.js'

it('makes what is needed, in its place', async () => {
  const contents = new Map<string, Uint8Array>()
  const made = await madeWeights(memoryFiles(contents))
  let tries = 0
  const never = made.add([3], async () => {
    throw new Error('Nobody needs these.')
  })
  const [first, second] = made.add([4, 2], async (append) => {
    if (tries++ === 0) throw new Error('The disk is full.')
    await append(0, Uint8Array.of(1, 2))
    await append(1, Uint8Array.of(9, 8))
    await append(0, Uint8Array.of(3, 4))
  })
  expect([never[0]!.offset, first!.offset % 64, second!.offset % 64]).toEqual([0, 0, 0])
  await expect(first!.ready!()).rejects.toThrow('full')
  await Promise.all([first!.ready!(), second!.ready!(), first!.ready!()])
  expect(tries).toBe(2)
  const bytes = contents.get(first!.file)!
  expect([...bytes.slice(first!.offset, first!.offset + 4)]).toEqual([1, 2, 3, 4])
  expect([...bytes.slice(second!.offset, second!.offset + 2)]).toEqual([9, 8])
  await made.remove()
  expect(contents.size).toBe(0)
})

it('needs a host with temporary files', async () => {
  const { scratch, ...plain } = memoryFiles(new Map())
  expect(scratch).toBeDefined()
  await expect(madeWeights(plain)).rejects.toMatchObject({ code: 'unavailable' })
})
