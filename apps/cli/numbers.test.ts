import { expect, test } from 'vitest'
import { finiteNumber, integerAtLeast, integersAtLeast } from './numbers.js'

test('whole numbers of at least the least are read, everything else is refused', () => {
  expect([' 7 ', '2', '1e3'].map(integerAtLeast(2))).toEqual([7, 2, 1000])
  for (const text of ['', ' ', '1', '2.5', '12abc', '-3', 'Infinity']) {
    expect(() => integerAtLeast(2)(text)).toThrow(/whole number of at least 2/)
  }
})

test('lists are read number by number', () => {
  expect(integersAtLeast(1)('20,50,100')).toEqual([20, 50, 100])
  expect(() => integersAtLeast(1)('20,,50')).toThrow(/whole number/)
})

test('numbers are finite', () => {
  expect(['7.5', ' -1 ', '1e-3'].map(finiteNumber)).toEqual([7.5, -1, 0.001])
  for (const text of ['', 'NaN', 'Infinity', '1,5', 'strong']) expect(() => finiteNumber(text)).toThrow(/finite number/)
})
