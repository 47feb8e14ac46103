/** `attack` on a host without a machine. */
import { expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import { model, start } from '../../test/hosts/operations.js'
import { map, zeros } from '../math/tensor.js'
import { attackOperation } from './index.js'

it('attack: what is reported is how far the written picture is', async () => {
  const host = memoryHost(model)
  await host.paint(
    'a.png',
    map(zeros([3, 4, 4]), (_, i) => (i % 5) / 5 - 0.5),
  )
  const { result } = await start(attackOperation, host, { pictures: 'a.png', with: ['brightness:factor=0.5', 'none'] })
  const [dark, same] = result.results
  const [before, after] = await Promise.all(['a.png', dark!.output].map((path) => host.pictures.read(path)))
  const squares = before!.image.data.map((value, i) => ((value - after!.image.data[i]!) / 2) ** 2)
  const meanSquare = squares.reduce((sum, value) => sum + value, 0) / squares.length
  expect(dark!.psnrDb).toBeCloseTo(-10 * Math.log10(meanSquare), 6)
  expect(same!.psnrDb).toBe(Number.POSITIVE_INFINITY)
})
