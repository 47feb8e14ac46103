import { expect, it } from 'vitest'
import { arithmetic } from './arithmetic.js'
import type { Autoencoder } from './autoencoder.js'

it('follows the networks unless it is told otherwise', () => {
  const of = (precision?: 16 | 32) => ({ precision }) as Autoencoder
  expect([
    arithmetic(undefined, of()),
    arithmetic(undefined, of(16)),
    arithmetic('32', of(16)),
    arithmetic('16', of(32)),
  ]).toEqual([32, 16, 32, 16])
})
