/** What is drawn of a detection is the same whatever the key's secret, and shows where the mark is. */
import { createHash } from 'node:crypto'
import { findingsIn, newKey, readKey, type Tensor, torchNoise, type WatermarkKey, zeroMessage, zeros } from 'undiffuse'
import { describe, expect, it } from 'vitest'
import { detectionRow } from './detection-sheet.js'

const model = 'undiffuse-scenes'
const latentShape = [4, 16, 16]

/** Nobody's: keys of tests come from numbers. */
const keyOf = (scheme: string, number: number) =>
  readKey(newKey({ scheme, model, latentShape }, new Uint8Array(32).fill(number)), 'key')

function rowWith(key: WatermarkKey, noise: Tensor, ...others: readonly WatermarkKey[]) {
  const keys = [key, ...others] as const
  const findings = findingsIn(noise, { keys: keys.map((one) => ({ key: one })), falsePositiveRate: 1e-3 })
  return detectionRow(
    keys,
    { name: 'a/n.safetensors', value: { noise } },
    { name: '', findings, notes: [], seconds: 0 },
  )
}

const digestOf = ({ shape, data }: Tensor) => createHash('sha256').update(`${shape}`).update(data).digest('hex')

/** Schemes, and the channel that is shown of their noise. */
const schemes = [
  ['tree-ring', 0],
  ['tree-ring:pattern=ring,channel=3', 3],
  ['tree-ring:mask=released,channel=2', 2],
  ['ring-id', 0],
  ['gaussian-shading:bits=8', 0],
  ['prc:bits=8', 0],
] as const

describe.each(schemes)('%s', (scheme, channel) => {
  const [own, other] = [keyOf(scheme, 1), keyOf(scheme, 2)]

  it('shows the same of a noise for every key: of the secret there is nothing', () => {
    for (const noise of [
      torchNoise(1, latentShape),
      own.mark().imprint(torchNoise(1, latentShape), zeroMessage(own)),
    ]) {
      const [cells, others] = [own, other].map((key) => rowWith(key, noise).map(({ image }) => digestOf(image)))
      expect(cells).toEqual(others)
    }
  })

  it('says what it shows, the verdict and the key', () => {
    const [noise, read] = rowWith(own, own.mark().imprint(torchNoise(1, latentShape), zeroMessage(own)), other)
    expect(noise!.label).toMatch(RegExp(`^n\\.safetensors\nnoise, channel ${channel}\nmean`))
    const verdict = scheme.includes('released') ? /^undecided, p .* of white noise\n/ : /^marked, p /
    expect(read!.label).toMatch(verdict)
    expect(read!.label).toContain(`\n${scheme}\nkey ${own.id}, the surest of 2`)
  })
})

describe('what a mark in the spectrum reads', () => {
  const [red, green, blue] = [0, 1, 2] as const
  const [, read] = rowWith(keyOf('tree-ring:pattern=zeros,radius=3', 1), zeros(latentShape))
  const [, height, width] = read!.image.shape as [number, number, number]
  const at = (colour: number, row: number, column: number) =>
    read!.image.data[(colour * height + Math.floor(row * height)) * width + Math.floor(column * width)]!
  const isGrey = (row: number, column: number) => at(red, row, column) === at(blue, row, column)

  it('is black where there is nothing, with a line inside the edge of the mask', () => {
    // Of 16 places the zero frequency is the ninth; the mask goes from the sixth to the twelfth.
    for (const [row, column] of [
      [8.5, 8.5],
      [8.5, 6.5],
      [1.5, 1.5],
    ] as const) {
      expect([red, green, blue].map((colour) => at(colour, row / 16, column / 16))).toEqual([-1, -1, -1])
    }
    for (const edge of [5.05, 11.95]) {
      expect(isGrey(edge / 16, 8.5 / 16)).toBe(false)
      expect(isGrey(8.5 / 16, edge / 16)).toBe(false)
    }
    for (const outside of [4.95, 12.05]) expect(isGrey(outside / 16, 8.5 / 16)).toBe(true)
  })
})

it('shows the signs of all channels, white above 0', () => {
  const noise = torchNoise(3, latentShape)
  const [, read] = rowWith(keyOf('gaussian-shading:bits=8', 1), noise)
  expect(read!.image.shape).toEqual([1, 32, 32])
  // The first row of the second channel is to the right of that of the first, and the third below.
  const rows = [noise.data.slice(0, 16), noise.data.slice(256, 272), noise.data.slice(512, 528)].map((row) =>
    [...row].map((value) => (value < 0 ? -1 : 1)),
  )
  const shown = [...read!.image.data]
  expect([shown.slice(0, 16), shown.slice(16, 32), shown.slice(16 * 32, 16 * 32 + 16)]).toEqual(rows)
})
