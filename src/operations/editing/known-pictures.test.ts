/** What is told early of a picture that is far larger than a model's own. */
import { expect, it } from 'vitest'
import { map, type Tensor, zeros } from '../../math/tensor.js'
import { scaledLayout } from '../../model/layout.js'
import { type Judging, judgedAtOnce } from './known-pictures.js'

it('judges a large picture by a copy, before a network sees all of it, and how long it takes by its pixels', async () => {
  const layout = scaledLayout({ name: 'sd', imageChannels: 3, latentChannels: 3, downscaling: 1, side: 64 })
  const seen: string[] = []
  const see = async (what: string, x: Tensor) => {
    seen.push(`${what} ${x.shape.slice(1).join('×')}`)
    return map(x, (value) => value + 0.2)
  }
  let clock = 0
  const judging = {
    ...{ picture: { path: 'a.jpg' }, model: { layout, vocabulary: { words: {}, examples: [] } } },
    ...{ method: 'naive', guidesFromSource: false, findsMask: false, steps: 10 },
    clock: { now: () => clock++ },
    decode: (z: Tensor) => see('decode', z),
    evaluate: (z: Tensor) => see('evaluate', z),
    decoder: {
      name: 'search',
      invert: () => expect.unreachable(),
    },
  } as unknown as Judging
  const autoencoder = { encode: (x: Tensor) => see('encode', x), decode: (z: Tensor) => see('decode', z) } as never
  const steps = judgedAtOnce(judging).ofCopy(zeros([3, 640, 1280]), autoencoder)
  const { value } = await steps.next()
  expect(seen).not.toContainEqual(expect.stringContaining('640×1280'))
  expect(seen[0]).toBe('encode 78×157')
  const text = (value as { note: { text: string } }).note.text
  // 20 evaluations and 33 decodes of a second, for 67 times the pixels: they take 35 and 9 times as long a pixel.
  expect(text).toMatch(
    /does not know pictures like this one.*takes about 19 hours; of a copy of 157×78 about a minute\./,
  )
})
