import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { define, parse } from './define.js'
import { isUndiffuseError } from './errors.js'
import { nearest } from './nearest.js'

const method = define({
  id: 'adam',
  title: 'Adam',
  source: 'test',
  fields: {
    iterations: { type: 'integer', default: 50, minimum: 1, maximum: 1000, description: 'Steps.' },
    learningRate: { type: 'number', default: 0.01, exclusiveMinimum: 0, unit: 'latent units', description: 'Rate.' },
    schedule: { type: 'choice', choices: ['paper', 'code'], default: 'paper', description: 'Which.' },
    verbose: { type: 'boolean', default: false, description: 'Talk.' },
    label: { type: 'string', default: '', description: 'Name.' },
    momentum: { type: 'number', description: 'Left out: none.' },
  },
  make: (options) => options,
})
const other = define({
  id: 'picard',
  title: 'Picard',
  source: 'test',
  also: { 'fixed-point': 'picard' },
  fields: {},
  make: () => 'picard' as const,
})

const defaults = {
  iterations: 50,
  learningRate: 0.01,
  schedule: 'paper',
  verbose: false,
  label: '',
  momentum: undefined,
}

function failure(run: () => unknown): { code: string; message: string } {
  try {
    run()
  } catch (error) {
    if (isUndiffuseError(error)) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('Nothing was thrown.')
}

describe('define', () => {
  it('infers options and what is made', () => {
    const made = method({ schedule: 'code' })
    expectTypeOf(made.schedule).toEqualTypeOf<'paper' | 'code'>()
    expectTypeOf(made.iterations).toEqualTypeOf<number>()
    expectTypeOf(made.momentum).toEqualTypeOf<number | undefined>()
    expectTypeOf(other()).toEqualTypeOf<'picard'>()
    // @ts-expect-error: not one of the choices
    expect(() => method({ schedule: 'cod' })).toThrow()
    // @ts-expect-error: no such option
    expect(() => method({ rate: 1 })).toThrow()
  })

  it('fills in defaults', () => {
    expect(method()).toEqual(defaults)
    expect(method({ iterations: 3, label: undefined })).toEqual({ ...defaults, iterations: 3 })
    expect(method.definition.make({ verbose: true })).toEqual({ ...defaults, verbose: true })
  })

  it.each([
    [{ iterations: 0 }, 'Expected an integer from 1 to 1000 for `adam:iterations`, got 0. The default is 50.'],
    [{ iterations: 1.5 }, 'got 1.5'],
    [{ iterations: 'code' }, 'got `code`. The default is 50. Did you mean `schedule=code`?'],
    [{ iterations: '7' }, 'got the text `7`'],
    [{ learningRate: 0 }, 'Expected a finite number (latent units), above 0 for `adam:learningRate`, got 0.'],
    [{ learningRate: Number.NaN }, 'for `adam:learningRate`, got NaN.'],
    [{ schedule: 'papr' }, 'Expected paper or code for `adam:schedule`, got `papr`. Did you mean `paper`?'],
    [{ schedule: { name: 'paper' } }, "got an object of name. Pass the name alone: 'paper'."],
    [{ schedule: () => 'paper' }, 'got a function. '],
    [{ schedule: null }, 'got null. '],
    [{ verbose: 1 }, 'Expected true or false for `adam:verbose`, got 1.'],
    [{ label: 3 }, 'Expected a text for `adam:label`, got 3.'],
    [{ momentum: Number.POSITIVE_INFINITY }, 'Leave it out or correct it.'],
    [{ iteration: 3 }, 'Did you mean `iterations`? Known: iterations, learningRate'],
    [{ toString: 3 }, 'Expected a known name for an option of `adam`, got `toString`.'],
  ])('refuses %j', (options, message) => {
    const { code, message: got } = failure(() => method.definition.make(options))
    expect(code).toBe('bad-option')
    expect(got).toContain(message)
  })
})

describe('parse', () => {
  it('reads id and options', () => {
    expectTypeOf(parse([method, other], 'picard')).toEqualTypeOf<'picard' | ReturnType<typeof method>>()
    expect(parse(method, 'adam')).toEqual(defaults)
    expect(parse(method, 'adam:')).toEqual(defaults)
    expect(parse([method, other], ' adam : learningRate = 2e-3, verbose ,label=a=b:c')).toEqual({
      ...defaults,
      learningRate: 0.002,
      verbose: true,
      label: 'a=b:c',
    })
    expect(parse([method, other], 'picard')).toBe('picard')
    expect(parse(method, 'adam:verbose=false,momentum=0.5')).toEqual({ ...defaults, momentum: 0.5 })
  })

  it.each([
    ['adma', 'Did you mean `adam`? Known: adam, picard.'],
    ['', 'Expected a known name for a method, got ``. Known: adam, picard.'],
    ['Fixed-Point', 'Expected a known name for a method, got `Fixed-Point`. Here it is `picard`.'],
    ['adam:learning-rate=1', 'Did you mean `learningRate`?'],
    ['adam:__proto__=1', 'a known name for an option'],
    ['adam:iterations', 'Expected a value for `adam:iterations`, got none. Write `iterations=…`.'],
    ['adam:iterations=', 'Expected an integer from 1 to 1000 for `adam:iterations`, got ``.'],
    ['adam:iterations=many', 'got `many`'],
    ['adam,picard', 'got `adam,picard`. Name several one by one'],
    ['adam:verbose=yes', 'got `yes`'],
    ['adam:iterations=1,iterations=2', 'Expected an option once for `adam:iterations`, got it twice.'],
    ['picard:rho=1', 'It has none.'],
  ])('refuses %j', (specification, message) => {
    const { code, message: got } = failure(() => parse([method, other], specification))
    expect(code).toBe('bad-option')
    expect(got).toContain(message)
  })

  it('throws nothing but bad-option, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parse(method, `adam:${text}`)
        } catch (error) {
          expect(isUndiffuseError(error) && error.code).toBe('bad-option')
        }
      }),
    )
  })
})

describe('nearest', () => {
  it('finds a typing error and leaves a different word alone', () => {
    const words = ['iterations', 'learningRate', 'rho']
    expect(nearest('itertions', words)).toBe('iterations')
    expect(nearest('LEARNING_RATE', words)).toBe('learningRate')
    expect(nearest('roh', words)).toBe('rho')
    expect(nearest('ohr', words)).toBeUndefined()
    expect(nearest('ro', words)).toBe('rho')
    expect(nearest('schedule', words)).toBeUndefined()
    expect(nearest('anything', [])).toBeUndefined()
  })
})
