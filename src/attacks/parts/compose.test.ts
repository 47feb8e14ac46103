/** Attacks one after another, and attacks from text. */
import { describe, expect, it } from 'vitest'
import { map, torchNoise } from '../../math/index.js'
import { pictureTools } from '../../node/picture-tools.js'
import { psnrDb, round8 } from '../../pictures/pixels.js'
import {
  type Attack,
  attackPicture,
  composeAttacks,
  cropAttack,
  jpegAttack,
  noiseAttack,
  parseAttacks,
} from '../index.js'

const picture = round8(map(torchNoise(1, [3, 24, 24]), (value) => 0.3 * value))
const attacked = async (attack: Attack, seed = 5, image = picture) =>
  await attackPicture(image, attack, { pictures: pictureTools, seed })

describe('composeAttacks', () => {
  it('applies the first one first', async () => {
    const [jpeg, crop] = [jpegAttack({ quality: 20 }), cropAttack({ share: 0.5, position: 'centre' })]
    const together = await attacked(composeAttacks([jpeg, crop]))
    expect(together).toEqual(await attacked(crop, 5, await attacked(jpeg)))
    expect(together).not.toEqual(await attacked(composeAttacks([crop, jpeg])))
  })

  it('of one is that one; of none is none', async () => {
    const noise = noiseAttack()
    expect(await attacked(composeAttacks([noise]))).toEqual(await attacked(noise))
    expect(await attacked(composeAttacks([]))).toEqual(picture)
    expect(composeAttacks([]).name).toBe('none')
  })

  it('draws for each attack anew', async () => {
    const noise = noiseAttack({ deviation: 0.05 })
    const [once, twice] = [await attacked(noise), await attacked(composeAttacks([noise, noise]))]
    // Independent noise adds up to √2 times as much, the same noise to twice as much: 3 dB or 6 dB.
    const loss = psnrDb(once, picture) - psnrDb(twice, picture)
    expect(loss).toBeGreaterThan(2)
    expect(loss).toBeLessThan(4)
    expect(await attacked(composeAttacks([noise, noise]))).toEqual(twice)
  })

  it('needs a model where one of them does', () => {
    expect(parseAttacks('jpeg+vae').needsModel).toBe(true)
    expect(parseAttacks('jpeg+crop').needsModel).toBe(false)
  })
})

describe('parseAttacks', () => {
  it.each([
    ['none', 'none'],
    ['jpeg', 'jpeg'],
    ['jpeg:quality=50+crop:share=0.75', 'jpeg+crop'],
    [' crop-resize : share = 5e-1 + blur:sigma=1e+0+ noise', 'crop-resize+blur+noise'],
  ])('reads %j', (text, name) => {
    expect(parseAttacks(text).name).toBe(name)
  })

  it('reads what the library makes', async () => {
    const made = composeAttacks([jpegAttack({ quality: 50 }), cropAttack({ share: 0.75 })])
    expect(await attacked(parseAttacks('jpeg:quality=50+crop:share=0.75'))).toEqual(await attacked(made))
  })

  it.each([
    ['', 'Expected a known name for a method, got ``. Known: none, jpeg,'],
    ['jpg', 'Did you mean `jpeg`?'],
    ['jpeg+', 'Did you mean `jpeg`?'],
    ['jpeg + croop:share=1', 'Did you mean `crop`?'],
    ['jpeg:quality=0', 'Expected an integer from 1 to 100 for `jpeg:quality`, got 0.'],
    ['jpeg:quality=50.5', 'got 50.5'],
    ['jpeg:strength=1', 'Known: quality, subsampling.'],
    ['crop:share', 'Expected a value for `crop:share`, got none.'],
    ['crop:share=1.5', 'to 1 for `crop:share`, got 1.5'],
    ['rotation:filter=cubic', 'Expected nearest or linear for `rotation:filter`, got `cubic`.'],
    ['regenerate:strength=0', 'above 0, at most 1 for `regenerate:strength`, got 0.'],
  ])('refuses %j', (text, message) => {
    expect(() => parseAttacks(text)).toThrow(message)
    expect(() => parseAttacks(text)).toThrow(expect.objectContaining({ code: 'bad-option' }))
  })
})
