/** Text in PNG files is read by others, and changes no pixel. */
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { map, zeros } from '../math/tensor.js'
import { textOf, withText } from './png-text.js'
import { decodeImage } from './read-image.js'
import { encodePng } from './write-image.js'

const image = map(zeros([3, 5, 7]), (_, i) => ((i * 37) % 256) / 127.5 - 1)
const texts = { prompt: 'a red ball, “größer”\non sand', seed: '7' }

it('comes back, and the pixels are the same', async () => {
  const [plain, told] = [await encodePng(image), await encodePng(image, texts)]
  expect(textOf(told)).toEqual(texts)
  expect(textOf(plain)).toEqual({})
  expect((await decodeImage(told, 'told')).image).toEqual((await decodeImage(plain, 'plain')).image)
})

it('is what libspng reads', async () => {
  const { comments } = await sharp(withText(await encodePng(image), texts)).metadata()
  expect(comments).toEqual(Object.entries(texts).map(([keyword, text]) => ({ keyword, text })))
})

it('stops at a file that is cut', async () => {
  const told = await encodePng(image, texts)
  expect(textOf(told.subarray(0, 40))).toEqual({})
})
