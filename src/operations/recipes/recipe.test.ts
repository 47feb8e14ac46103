import { expect, test } from 'vitest'
import { namedSolver, recipeMetadata, recipeOf, withRemembered } from './recipe.js'

test('what is said goes before what a file remembers; a solver and its steps go together', () => {
  const remembered = { prompt: 'a ball', guidance: 3, solver: 'bdia:steps=20' }
  expect(withRemembered({}, remembered)).toEqual(remembered)
  expect(withRemembered({ steps: 10, guidance: 1 }, remembered)).toEqual({ prompt: 'a ball', guidance: 1, steps: 10 })
  expect(withRemembered({ prompt: 'a star', solver: 'ddim' }, { ...remembered, steps: 7 })).toEqual({
    prompt: 'a star',
    guidance: 3,
    solver: 'ddim',
  })
})

test("a file's metadata holds a recipe, and anybody's metadata is read without harm", () => {
  const recipe = { prompt: 'a ball', negative: 'blur', guidance: 7.5, solver: 'ddim:spacing=leading', steps: 20 }
  expect(recipeOf(recipeMetadata(recipe))).toEqual(recipe)
  expect(recipeOf({ guidance: 'strong', steps: '1.5', model: 'x' })).toEqual({})
})

test('a file that tells steps alone was made with the solver of the scheduler', () => {
  expect(recipeOf({ guidance: '3', steps: '20' })).toEqual({ guidance: 3, solver: 'scheduler', steps: 20 })
  expect(namedSolver({ solver: 'scheduler', steps: 20 })).toBeUndefined()
})

test('steps become an option of the solver, once', () => {
  expect(namedSolver({ solver: 'ddim', steps: 20 })?.name).toBe('ddim')
  expect(namedSolver({ solver: 'ddim:spacing=leading', steps: 20 })?.name).toBe('ddim')
  expect(namedSolver({ steps: 20 })).toBeUndefined()
  expect(() => namedSolver({ solver: 'ddim:steps=10', steps: 20 })).toThrow(/once.*ddim:steps/)
})
