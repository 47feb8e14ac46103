import { describe, expect, it } from 'vitest'
import { watermarks } from '../catalog.js'
import { nearest } from './nearest.js'

const schemes = watermarks.map(({ definition }) => definition.id)

describe('the name that was meant', () => {
  it.each([
    ['gaussian', 'gaussian-shading'],
    ['gausian', 'gaussian-shading'],
    ['gausian-shading', 'gaussian-shading'],
    ['gauss', 'gaussian-shading'],
    ['shading', 'gaussian-shading'],
    ['tree', 'tree-ring'],
    ['Tree_Ring', 'tree-ring'],
    ['ring', 'ring-id'],
    ['PCR', 'prc'],
  ])('%s is %s', (word, scheme) => {
    expect(nearest(word, schemes)).toBe(scheme)
  })

  it('is told by one of its words', () => {
    expect(nearest('rate', ['iterations', 'learningRate'])).toBe('learningRate')
    expect(nearest('restart', ['iteration', 'restarts'])).toBe('restarts')
    expect(nearest('tol', ['iteration', 'tolerance'])).toBe('tolerance')
    expect(nearest('auto', ['implicit', 'automatic'])).toBe('automatic')
  })

  it.each([
    ['editing', 'edit'],
    ['edited', 'edit'],
    ['generation', 'generate'],
    ['generating', 'generate'],
    ['inversions', 'invert'],
    ['comparison', 'compare'],
    ['attacking', 'attack'],
    ['watermarked', 'watermark'],
    ['decoding', 'decoders'],
    ['masking', 'masks'],
    ['solving', 'solvers'],
  ])('%s is a form of %s', (word, meant) => {
    const words = [
      'generate',
      'invert',
      'compare',
      'edit',
      'attack',
      'watermark',
      'run',
      'solvers',
      'decoders',
      'masks',
    ]
    expect(nearest(word, words)).toBe(meant)
  })

  it.each(['', 'a', 'id', 'string', 'free', 'king', 'watermark', 'stable-signature', 'shadow', 'treeless'])(
    'is not guessed of %j',
    (word) => {
      expect(nearest(word, schemes)).toBeUndefined()
    },
  )
})
