import { expect, test } from 'vitest'
import { caption, colours, describeScene, places, type Scene, shapes, sizes, textures } from './scene.js'

const scenes = Array.from({ length: 400 }, (_, seed) => describeScene(seed))

test('a seed always describes the same scene', () => {
  expect(describeScene(17)).toEqual(describeScene(17))
  expect(describeScene(17)).not.toEqual(describeScene(18))
})

test('every value of every attribute occurs', () => {
  const seen = (of: (scene: Scene) => string) => new Set(scenes.map(of))
  expect(seen((scene) => scene.shape)).toEqual(new Set(shapes))
  expect(seen((scene) => scene.colour)).toEqual(new Set(colours))
  expect(seen((scene) => scene.size)).toEqual(new Set(sizes))
  expect(seen((scene) => scene.place)).toEqual(new Set(places))
  expect(seen((scene) => scene.background)).toEqual(new Set(colours))
  expect(seen((scene) => scene.texture)).toEqual(new Set(textures))
})

test('shape and background differ in colour', () => {
  expect(scenes.filter((scene) => scene.colour === scene.background)).toEqual([])
})

test('variations stay in their ranges', () => {
  for (const { variation } of scenes) {
    const { angle, phase, ...signed } = variation
    expect([angle, ...phase].every((value) => value >= 0 && value < 1)).toBe(true)
    expect(Object.values(signed).every((value) => value >= -1 && value < 1)).toBe(true)
  }
})

test('the caption says what the scene is', () => {
  const scene: Scene = {
    ...describeScene(0),
    shape: 'ball',
    colour: 'red',
    size: 'large',
    place: 'left',
    background: 'blue',
    texture: 'stripes',
  }
  expect(caption(scene)).toBe('a large red ball on the left, on blue stripes')
  expect(caption({ ...scene, place: 'top', texture: 'plain' })).toBe('a large red ball at the top, on plain blue')
  expect(caption({ ...scene, place: 'centre', background: 'orange', texture: 'gradient' })).toBe(
    'a large red ball in the centre, on an orange gradient',
  )
})

test('captions differ exactly when attributes differ', () => {
  const { variation } = describeScene(0)
  const captions = new Set<string>()
  let count = 0
  for (const shape of shapes)
    for (const colour of colours)
      for (const size of sizes)
        for (const place of places)
          for (const background of colours)
            for (const texture of textures) {
              captions.add(caption({ shape, colour, size, place, background, texture, variation }))
              count++
            }
  expect(captions.size).toBe(count)
})
