/** The marks that benchmarks compare: every scheme and pattern, under keys that follow from numbers. Never for real use. */
import { parse, type Scheme, type Secret, secretBytes, secretOf, watermarks } from 'undiffuse'

/** Every scheme; of tree-ring every pattern, with the sound mask and with the released one. */
export const allSchemes: readonly string[] = [
  'tree-ring:pattern=rand',
  'tree-ring:pattern=ring',
  'tree-ring:pattern=zeros',
  'tree-ring:pattern=const',
  'ring-id',
  'gaussian-shading',
  'prc',
  ...['rand', 'ring', 'zeros', 'const'].map((pattern) => `tree-ring:mask=released,pattern=${pattern}`),
]

/** Those that are not of the released mask, which is there to compare with published numbers. */
export const schemesWithKeys: readonly string[] = allSchemes.filter((scheme) => !scheme.includes('released'))

/** Those whose p-value needs no calibration. */
export const comparedSchemes: readonly string[] = [
  'tree-ring:pattern=rand',
  'tree-ring:pattern=ring',
  'ring-id',
  'gaussian-shading',
  'prc',
]

/** The secret of a number: known to everybody who reads this. */
export function numberedSecret(number: number): Secret {
  const bytes = new Uint8Array(secretBytes)
  new DataView(bytes.buffer).setFloat64(0, number)
  return secretOf(bytes)
}

export const schemeOf = (specification: string): Scheme => parse(watermarks, specification)
