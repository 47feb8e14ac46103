/** Settings are read once, from text or values, and what does not fit is refused by its name. */
import { describe, expect, it } from 'vitest'
import { inverters, solvers } from '../catalog.js'
import { methodField, readSettings } from './fields.js'

const fields = {
  sources: { type: 'file', description: 'pictures', subject: true, required: true, many: true },
  count: { type: 'integer', minimum: 1, default: 1, description: 'pictures' },
  member: { type: 'integer', minimum: 0, or: ['all'], description: 'of a family' },
  rate: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1, description: 'of mistakes' },
  size: { type: 'size', description: 'of pictures' },
  solver: methodField(solvers, { description: 'how to sample', default: 'ddim:steps=3' }),
  undo: { ...methodField(inverters, { description: 'what is undone' }), many: true, default: ['naive'] },
  lean: { type: 'boolean', default: false, description: 'less memory' },
} as const

const read = (given: Readonly<Record<string, unknown>>) => readSettings(fields, { sources: 'a.png', ...given }, 'try')

describe('settings', () => {
  it('are what is given, the default, or undefined', () => {
    const { solver, undo, ...others } = read({})
    expect(others).toEqual({
      sources: ['a.png'],
      count: 1,
      member: undefined,
      rate: undefined,
      size: undefined,
      lean: false,
    })
    expect(solver).toMatchObject({ text: 'ddim:steps=3', method: { name: 'ddim' } })
    expect(undo).toMatchObject([{ text: 'naive', method: { name: 'naive' } }])
  })

  it('are the same from text and from values', () => {
    const texts = read({ sources: ['a', 'b'], count: ' 7 ', member: '3', rate: '1e-3', size: '192x128', lean: 'true' })
    const size = { width: 192, height: 128 }
    const values = read({ sources: ['a', 'b'], count: 7, member: 3, rate: 1e-3, size, lean: true })
    const { solver: _, undo: __, ...fromTexts } = texts
    expect(values).toMatchObject(fromTexts)
    expect(read({ member: 'all' }).member).toBe('all')
    expect(['128', '64×32'].map((text) => read({ size: text }).size)).toEqual([
      { width: 128, height: 128 },
      { width: 64, height: 32 },
    ])
  })

  it.each([
    [{ cuont: 2 }, /a setting of `try`.*Did you mean `count`/],
    [{ count: 0 }, /at least 1 for `settings\.count`, got 0/],
    [{ count: '12abc' }, /`settings\.count`, got `12abc`/],
    [{ member: 'some' }, /`settings\.member`, got `some`/],
    [{ rate: '1' }, /below 1 for `settings\.rate`/],
    [{ size: '8x8x8' }, /128 or 192x128 for `settings\.size`/],
    [{ size: 0 }, /128 or 192x128/],
    [{ size: '0x8' }, /128 or 192x128/],
    [{ solver: 'dim' }, /Did you mean `ddim`/],
    [{ undo: ['naive', 'none'] }, /`none`/],
    [{ sources: 7 }, /`settings\.sources`/],
    [{ sources: undefined }, /pictures for `settings\.sources`, got nothing/],
  ])('refuse %j', (given, said) => {
    expect(() => read(given)).toThrow(
      expect.objectContaining({ code: 'bad-option', message: expect.stringMatching(said) }),
    )
  })
})
