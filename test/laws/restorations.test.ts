/**
 * What every restoration must do: pictures of the key's size, as many as there are, that follow from the picture alone; and
 * the picture back that its attack has changed. A new restoration is tested here first.
 */
import { describe, expect, it } from 'vitest'
import { attackPicture, parseAttacks } from '../../src/attacks/index.js'
import { restorations } from '../../src/catalog.js'
import { map, type Tensor, tensor } from '../../src/math/tensor.js'
import { pictureTools } from '../../src/node/picture-tools.js'
import { mirrored, quarterTurned } from '../../src/pictures/motions.js'
import { psnrDb, region, resize, round8 } from '../../src/pictures/pixels.js'
import {
  candidatesOf,
  composeRestorations,
  parseRestorations,
  undoFlip,
  undoResize,
} from '../../src/restorations/index.js'
import { renderScene } from '../../training/scenes/render.js'
import { describeScene } from '../../training/scenes/scene.js'

const size = { height: 64, width: 64 }
const drawn = renderScene(describeScene(0), { size: 64 }).image
const scene = round8(tensor([3, 64, 64], drawn.data))
/** Higher than wide; every pixel is another one. */
const tall = tensor(
  [3, 6, 4],
  Array.from({ length: 72 }, (_, i) => i / 72),
)

const attacked = async (text: string, image = scene, seed = 3) =>
  await attackPicture(image, parseAttacks(text), { pictures: pictureTools, seed })
const restored = (image: Tensor, text: string, to = size) =>
  parseRestorations(text)
    .candidates(image, to)
    .map(({ undone, picture }) => ({ undone, picture: picture() }))
/** Of the best candidate, to the picture before the attack. */
const bestPsnrDb = (image: Tensor, text: string) =>
  Math.max(...restored(image, text).map(({ picture }) => psnrDb(picture, scene)))

/** By id: an attack that it undoes, and how well. One that is not here fails. */
const known: Readonly<Record<string, { readonly attack: string; readonly undo: string; readonly psnrDb: number }>> = {
  border: { attack: 'crop:share=0.75', undo: 'border', psnrDb: 15 },
  flip: { attack: 'flip', undo: 'flip', psnrDb: Number.POSITIVE_INFINITY },
  'quarter-turn': { attack: 'rotation:degrees=90', undo: 'quarter-turn', psnrDb: Number.POSITIVE_INFINITY },
  rotation: { attack: 'rotation:degrees=6,filter=linear', undo: 'rotation', psnrDb: 20 },
  crop: { attack: 'crop-resize:share=0.766,ratio=1,position=centre', undo: 'crop:step=4', psnrDb: 18 },
  resize: { attack: 'none', undo: 'resize', psnrDb: 20 },
}

describe.each(restorations.map(({ definition }) => definition.id))('%s', (id) => {
  const { attack, undo, psnrDb: least } = known[id]!

  it('brings the picture back, of the right size', async () => {
    const changed = id === 'resize' ? round8(resize(scene, 40, 48)) : await attacked(attack)
    const found = restored(changed, undo)
    for (const { picture, undone } of found) {
      expect(picture.shape).toEqual([3, 64, 64])
      expect(undone).not.toBe('')
    }
    expect(new Set(found.map(({ undone }) => undone)).size).toBe(found.length)
    expect(bestPsnrDb(changed, undo)).toBeGreaterThanOrEqual(least)
    if (id !== 'resize') expect(psnrDb(changed, scene)).toBeLessThan(bestPsnrDb(changed, undo) - 3)
  })

  it('says of sizes alone whether it takes them', () => {
    const sizes = [40, 64, 72].flatMap((height) => [48, 64].map((width) => ({ height, width })))
    for (const given of sizes) {
      const restoration = parseRestorations(undo)
      const candidates = restoration.candidates(resize(scene, given.height, given.width), size)
      if (candidates.length > 0) expect(restoration.takes(given, size)).toBe(true)
      // A border is not told by sizes.
      if (id !== 'border') expect(restoration.takes(given, size)).toBe(candidates.length > 0)
    }
  })

  it('says the same of the same picture, and leaves it alone', async () => {
    const changed = id === 'resize' ? resize(scene, 40, 48) : await attacked(attack)
    const before = [...changed.data]
    expect(restored(changed, undo)).toEqual(restored(changed, undo))
    expect([...changed.data]).toEqual(before)
  })
})

describe('border', () => {
  it('is a plain background too, where what stands on it begins at once: docs/watermarks.md says so', () => {
    const at = (i: number) => Math.hypot((i % 64) - 32, (Math.floor(i / 64) % 64) - 32)
    const ball = tensor(
      [3, 64, 64],
      Array.from({ length: 3 * 64 * 64 }, (_, i) => (at(i) < 16 ? -0.7 : 0.8)),
    )
    expect(restored(ball, 'border')).toHaveLength(1)
  })

  it('is nothing where there is none: not a pattern, not a sky', () => {
    expect(restored(scene, 'border')).toEqual([])
    const sky = map(scene, (_, i) => (2 * (Math.floor(i / 64) % 64)) / 63 - 1)
    expect(restored(sky, 'border')).toEqual([])
  })

  it('is nothing in a picture of one colour: nothing is left', () => {
    expect(
      restored(
        map(scene, () => 0.5),
        'border',
      ),
    ).toEqual([])
  })

  it('keeps what it surrounds, and repeats its edge outwards', () => {
    const kept = region(scene, 10, 4, 40, 50)
    const black = map(scene, () => -1)
    const framed = map(black, (value, i) => {
      const [y, x] = [Math.floor(i / 64) % 64, i % 64]
      return y >= 10 && y < 50 && x >= 4 && x < 54 ? scene.data[i]! : value
    })
    const filled = (undo: string) => restored(framed, undo)[0]!.picture
    expect(filled('border:trim=0')).toEqual(region(kept, -10, -4, 64, 64))
    expect(filled('border:trim=3')).toEqual(region(region(scene, 13, 7, 34, 44), -13, -7, 64, 64))
  })

  it.each(['jpeg:quality=50', 'noise:deviation=0.05', 'blur:sigma=1', 'webp:quality=50'])(
    'is found after %s as well',
    async (more) => {
      const worn = await attacked(`crop:share=0.6,position=centre+${more}`)
      expect(bestPsnrDb(worn, 'border')).toBeGreaterThan(psnrDb(worn, scene) + 3)
    },
  )
})

describe('pictures of another size', () => {
  it('are read by what brings them to the right one alone', () => {
    const small = region(scene, 3, 5, 50, 56)
    const all = restorations.map((make) => make())
    const undone = candidatesOf(small, all, size).map((one) => one.undone)
    expect(undone[0]).toBe('resized from 56×50')
    expect(undone.slice(1).every((text) => text?.startsWith('put back as 56×50'))).toBe(true)
    // 14 and 8 pixels of room: at 0, 8, 14, and at 0, 8.
    expect(undone).toHaveLength(1 + 3 * 2)
  })

  it('are put back where they were cut out, to the pixel', () => {
    const small = region(scene, 8, 8, 50, 56)
    const places = restored(small, 'crop')
    const [exact] = places.filter(({ undone }) => undone === 'put back as 56×50 at (8, 8)')
    expect(region(exact!.picture, 8, 8, 50, 56)).toEqual(small)
  })

  it('are no part of a smaller one', () => {
    expect(restored(scene, 'crop', { height: 32, width: 80 })).toEqual([])
  })
})

it('a picture that is not square is turned to the size of the key', () => {
  const to = (height: number, width: number) => restored(tall, 'quarter-turn', { height, width })
  expect(to(6, 4).map(({ undone }) => undone)).toEqual(['turned by 180°'])
  expect(to(4, 6).map(({ undone }) => undone)).toEqual(['turned by 90°', 'turned by 270°'])
  for (const { picture } of to(4, 6)) expect(picture.shape).toEqual([3, 4, 6])
  expect(quarterTurned(quarterTurned(tall, 1), 3)).toEqual(tall)
  expect(quarterTurned(quarterTurned(tall, 1), 1)).toEqual(quarterTurned(tall, 2))
})

it('an enlarged part may have had all sizes and places that its share allows', () => {
  // 64, 56: 0.766 of the area, two places along either side; 48 is 0.5625.
  expect(restored(scene, 'crop')).toHaveLength(4)
  // 64×56, 56×64, 56×56, and 64×48, 48×64 with three places along one side.
  expect(restored(scene, 'crop:proportions=free')).toHaveLength(2 + 2 + 4 + 3 + 3)
})

it('are no more than anybody can read: refused before they are made', () => {
  const of = (side: number, text: string) => () =>
    restored(tensor([3, side, side], new Float64Array(3 * side * side)), text, { height: side, width: side })
  expect(of(512, 'crop:step=1,share=0.001,proportions=free')).toThrow(/at most 4096 candidates for `crop`/)
  expect(of(8, 'rotation:range=180,step=0.1+rotation')).toThrow(/at most 4096 candidates for `rotation\+rotation`/)
})

it('restorations follow one another', async () => {
  const changed = await attacked('flip+crop:share=0.75,position=centre')
  const found = restored(changed, 'border+flip')
  expect(found.map(({ undone }) => undone)).toEqual(['border filled, mirrored (horizontal)'])
  expect(psnrDb(found[0]!.picture, scene)).toBeGreaterThan(15)
  const smaller = mirrored(resize(scene, 40, 48), 'horizontal')
  const joined = composeRestorations([undoResize(), undoFlip()]).candidates(smaller, size)
  expect(joined.map(({ undone }) => undone)).toEqual(['resized from 48×40, mirrored (horizontal)'])
  expect(psnrDb(joined[0]!.picture(), scene)).toBeGreaterThan(20)
  expect(() => parseRestorations('border+flop')).toThrow(/Did you mean `flip`/)
})

it.each([
  ['mirror', 'flip'],
  ['Mirrored:direction=vertical', 'flip'],
  ['rotate', 'quarter-turn` or `rotation'],
  ['turn', 'quarter-turn` or `rotation'],
  ['cropped', 'crop'],
  ['scale', 'resize'],
  ['resized', 'resize'],
])('%s is answered with the name that it has here', (said, here) => {
  expect(() => parseRestorations(`border+${said}`)).toThrow(`Here it is \`${here}\`.`)
})
