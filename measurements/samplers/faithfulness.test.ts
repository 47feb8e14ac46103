import { expect, test } from 'vitest'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import type { Words } from '../../training/scenes/reader/reader.js'
import { faithfulnessOf, faithfulnessText } from './faithfulness.js'

const asked: Words = {
  shape: 'cone',
  colour: 'red',
  size: 'small',
  place: 'left',
  background: 'blue',
  texture: 'dots',
}

test('shares count what is right together, and confusions what was taken for what', () => {
  const read = [
    asked,
    asked,
    { ...asked, shape: 'pyramid' },
    { ...asked, shape: 'pyramid', colour: 'orange' },
  ] as Words[]
  const result = faithfulnessOf(
    [...read, { ...asked, colour: 'orange' } as Words].map((words) => ({ asked, read: words })),
  )
  expect(result.attributes.shape).toMatchObject({ right: 3, share: 0.6 })
  expect(result.attributes.colour.right).toBe(3)
  expect(result.attributes.texture).toMatchObject({ right: 5, high: 1 })
  expect(result.shapeAndColour.right).toBe(2)
  expect(result.allSix.right).toBe(2)
  expect(faithfulnessOf([{ asked, read: { ...asked, size: 'large' } }])).toMatchObject({
    allButSize: { right: 1 },
    allSix: { right: 0 },
  })
  expect(result.confusions).toEqual([
    { attribute: 'shape', asked: 'cone', read: 'pyramid', count: 2 },
    { attribute: 'colour', asked: 'red', read: 'orange', count: 2 },
  ])
  expect(faithfulnessText(result)).toContain('2 × shape cone read as pyramid')
  expect(() => faithfulnessOf([])).toThrow(expect.objectContaining({ code: 'bad-option' }))
})

test('held-out prompts are different sentences, the same every time, and cover every word evenly', () => {
  const prompts = heldOutPrompts(200)
  expect(new Set(prompts.map(({ prompt }) => prompt)).size).toBe(200)
  expect(heldOutPrompts(20)).toEqual(prompts.slice(0, 20))
  // 200 draws of 8 shapes: 25 each, standard deviation 4.7; more than four of them would be a fault.
  for (const shape of new Set(prompts.map(({ scene }) => scene.shape))) {
    expect(Math.abs(prompts.filter(({ scene }) => scene.shape === shape).length - 25)).toBeLessThan(20)
  }
})
