/**
 * Lettering as SVG paths, so that labels look the same on machines without fonts. A plain monoline alphabet drawn for
 * this file; enough for labels of figures, not a typesetter: no kerning, no line breaks.
 */

/** Capitals reach from 0 to the baseline at 14, small letters from 5, descenders to 18. */
const baseline = 14
const capitalHeight = 14
const spacing = 3.2
const stroke = 1.5

const leftBowl = 'M8 9.5A4 4.5 0 1 0 0 9.5A4 4.5 0 1 0 8 9.5'
const letterS =
  'M8.5 2.6C7.6 .8 6.2 0 4.5 0C2 0 .4 1.4 .4 3.5C.4 8.2 9 5.6 9 10.4C9 12.6 7.2 14 4.6 14C2.4 14 .8 13 0 11.2'
const dot = (x: number, y: number) => `M${x} ${y}v.01`

/** Width without spacing, and the path. */
const glyphs: Readonly<Record<string, readonly [width: number, path: string]>> = {
  ' ': [3, ''],
  A: [10, 'M0 14L5 0L10 14M1.8 9H8.2'],
  B: [8.8, 'M0 0V14H5A3.8 3.8 0 0 0 5 6.4H0M0 0H4.6A3.2 3.2 0 0 1 4.6 6.4'],
  C: [10, 'M10 2.6A5.6 7 0 1 0 10 11.4'],
  D: [10, 'M0 0V14H3.5A6.5 7 0 0 0 3.5 0Z'],
  E: [7.6, 'M7.6 0H0V14H7.6M0 6.8H6.6'],
  F: [7.6, 'M7.6 0H0V14M0 6.8H6.6'],
  G: [10, 'M10 2.6A5.6 7 0 1 0 10 11.4V7.6H6.4'],
  H: [10, 'M0 0V14M10 0V14M0 6.8H10'],
  I: [0, 'M0 0V14'],
  J: [6, 'M6 0V9.8A3 4.2 0 0 1 0 10.6'],
  K: [9, 'M0 0V14M8.6 0L0 9M3.4 5.6L9 14'],
  L: [7.2, 'M0 0V14H7.2'],
  M: [12, 'M0 14V0L6 10L12 0V14'],
  N: [10, 'M0 14V0L10 14V0'],
  O: [12, 'M6 0A6 7 0 0 0 6 14A6 7 0 0 0 6 0Z'],
  P: [8.7, 'M0 14V0H4.8A3.9 3.9 0 0 1 4.8 7.8H0'],
  Q: [12, 'M6 0A6 7 0 0 0 6 14A6 7 0 0 0 6 0ZM7.5 10.4L11.4 14.6'],
  R: [9, 'M0 14V0H4.8A3.9 3.9 0 0 1 4.8 7.8H0M4.8 7.8L9 14'],
  S: [9, letterS],
  T: [10, 'M0 0H10M5 0V14'],
  U: [10, 'M0 0V9A5 5 0 0 0 10 9V0'],
  V: [10, 'M0 0L5 14L10 0'],
  W: [14.4, 'M0 0L3.6 14L7.2 1.5L10.8 14L14.4 0'],
  X: [9.4, 'M0 0L9.4 14M9.4 0L0 14'],
  Y: [9.6, 'M0 0L4.8 7.2L9.6 0M4.8 7.2V14'],
  Z: [9.2, 'M.2 0H9L0 14H9.2'],
  a: [8, `M8 5V14${leftBowl}`],
  b: [8, `M0 0V14${leftBowl}`],
  c: [7.2, 'M7.2 6.6A4 4.5 0 1 0 7.2 12.4'],
  d: [8, `M8 0V14${leftBowl}`],
  e: [8, 'M0 9.2H8A4 4.5 0 1 0 7.1 12.4'],
  f: [4.8, 'M5 .1C2.6 -.4 1.8 .8 1.8 3V14M0 5H4.6'],
  g: [8, `M8 5V14.2A4 3.8 0 0 1 .4 15.8${leftBowl}`],
  h: [7.6, 'M0 0V14M0 8.8A3.8 3.8 0 0 1 7.6 8.8V14'],
  i: [0, `M0 5V14${dot(0, 1.2)}`],
  j: [1.5, `M1.5 5V15.4C1.5 17.4 .6 18.2 -1 18${dot(1.5, 1.2)}`],
  k: [7, 'M0 0V14M6.6 5L0 10.6M2.8 8.4L7 14'],
  l: [0, 'M0 0V14'],
  m: [12, 'M0 5V14M0 8.4A3 3.4 0 0 1 6 8.4V14M6 8.4A3 3.4 0 0 1 12 8.4V14'],
  n: [7.6, 'M0 5V14M0 8.8A3.8 3.8 0 0 1 7.6 8.8V14'],
  o: [8, leftBowl],
  p: [8, `M0 5V18${leftBowl}`],
  q: [8, `M8 5V18${leftBowl}`],
  r: [4.4, 'M0 5V14M0 8.8C.4 6.2 2 4.9 4.4 5.1'],
  s: [
    6.6,
    'M6.2 6.7C5.6 5.6 4.7 5 3.3 5C1.6 5 .4 5.9 .4 7.3C.4 10.4 6.6 8.6 6.6 11.6C6.6 13.1 5.2 14 3.4 14C1.8 14 .6 13.3 0 12',
  ],
  t: [4.8, 'M1.8 1.8V11C1.8 13.4 2.8 14.4 4.8 13.8M0 5H4.6'],
  u: [7.6, 'M0 5V10.2A3.8 3.8 0 0 0 7.6 10.2M7.6 5V14'],
  v: [7.6, 'M0 5L3.8 14L7.6 5'],
  w: [11.2, 'M0 5L2.8 14L5.6 6L8.4 14L11.2 5'],
  x: [7, 'M0 5L7 14M7 5L0 14'],
  y: [7.8, 'M0 5L3.9 14M7.8 5L3.9 14C3 16.6 2 18.4 .2 18'],
  z: [6.8, 'M0 5H6.6L0 14H6.8'],
  0: [8, 'M4 0A4 7 0 0 0 4 14A4 7 0 0 0 4 0Z'],
  1: [8, 'M1.6 2.6L4.8 0V14'],
  2: [8, 'M.4 3.6C.4 1.4 2 0 4.1 0C6.2 0 7.8 1.4 7.8 3.6C7.8 6.6 3 9.4 0 14H8'],
  3: [
    8,
    'M.4 2.4C1 .9 2.3 0 4 0C6.1 0 7.5 1.3 7.5 3.3C7.5 5.3 6 6.6 3.4 6.6C6.2 6.6 8 8 8 10.2C8 12.5 6.3 14 4 14C2 14 .6 13 0 11.3',
  ],
  4: [8, 'M6 14V0L0 9.8H8.4'],
  5: [8, 'M7.4 0H1.4L.7 6.3C1.5 5.6 2.6 5.2 3.9 5.2C6.3 5.2 8 6.9 8 9.5C8 12.2 6.3 14 3.8 14C2 14 .7 13.1 0 11.6'],
  6: [8, 'M7.2 1.7C6.5 .6 5.4 0 4.2 0C1.6 0 0 2.8 0 9.5A4 4.5 0 1 0 8 9.5A4 4.5 0 1 0 0 9.5'],
  7: [8, 'M0 0H8L3 14'],
  8: [8, 'M4 0A3.4 3.2 0 0 0 4 6.4A4 3.8 0 0 0 4 14A4 3.8 0 0 0 4 6.4A3.4 3.2 0 0 0 4 0Z'],
  9: [8, 'M.8 12.3C1.5 13.4 2.6 14 3.8 14C6.4 14 8 11.2 8 4.5A4 4.5 0 1 0 0 4.5A4 4.5 0 1 0 8 4.5'],
  '.': [1.4, dot(0.7, 13.8)],
  ',': [1.4, 'M1 13.4L.4 16'],
  ':': [1.4, dot(0.7, 6.5) + dot(0.7, 13.8)],
  ';': [1.4, `${dot(0.9, 6.5)}M1 13.4L.4 16`],
  '…': [8, dot(0, 13.8) + dot(4, 13.8) + dot(8, 13.8)],
  '·': [1.4, dot(0.7, 8)],
  '!': [1, `M.5 0V9.6${dot(0.5, 13.8)}`],
  '?': [7, `M0 3.2C.2 1.2 1.6 0 3.6 0C5.6 0 7 1.2 7 3.2C7 6 3.5 6.2 3.5 9.6${dot(3.5, 13.8)}`],
  "'": [0, 'M0 0V3.6'],
  '"': [2.6, 'M0 0V3.6M2.6 0V3.6'],
  '`': [1.6, 'M0 0L1.6 3'],
  '-': [4.4, 'M0 9H4.4'],
  '–': [7, 'M0 9H7'],
  '—': [11, 'M0 9H11'],
  _: [8, 'M0 16H8'],
  '−': [8, 'M0 8H8'],
  '+': [8, 'M0 8H8M4 4V12'],
  '±': [8, 'M0 7H8M4 3V11M0 14H8'],
  '=': [8, 'M0 6H8M0 10H8'],
  '≈': [8, 'M0 7C2 4 6 9 8 6M0 11C2 8 6 13 8 10'],
  '~': [8, 'M0 9C2 6 6 11 8 8'],
  '×': [6.4, 'M0 4.8L6.4 11.2M6.4 4.8L0 11.2'],
  '÷': [8, `M0 8H8${dot(4, 4.2)}${dot(4, 11.8)}`],
  '<': [7, 'M7 3.6L0 8L7 12.4'],
  '>': [7, 'M0 3.6L7 8L0 12.4'],
  '≤': [7, 'M7 2L0 6.2L7 10.4M0 14H7'],
  '≥': [7, 'M0 2L7 6.2L0 10.4M0 14H7'],
  '→': [11, 'M0 8H11M7.5 4.5L11 8L7.5 11.5'],
  '←': [11, 'M11 8H0M3.5 4.5L0 8L3.5 11.5'],
  '/': [6, 'M0 16L6 -1'],
  '\\': [6, 'M0 -1L6 16'],
  '|': [0, 'M0 -1.5V17'],
  '(': [3, 'M3 -1.5C-1 3.5 -1 11.5 3 16.5'],
  ')': [3, 'M0 -1.5C4 3.5 4 11.5 0 16.5'],
  '[': [3, 'M3 -1.5H0V16.5H3'],
  ']': [3, 'M0 -1.5H3V16.5H0'],
  '{': [4, 'M4 -1.5C1 -1.5 3 6 0 7.5C3 9 1 16.5 4 16.5'],
  '}': [4, 'M0 -1.5C3 -1.5 1 6 4 7.5C1 9 3 16.5 0 16.5'],
  '^': [6, 'M0 5L3 0L6 5'],
  '*': [5.2, 'M2.6 0V6M0 1.5L5.2 4.5M5.2 1.5L0 4.5'],
  '#': [9.4, 'M3 0L1.4 14M8 0L6.4 14M.6 4.6H9.4M0 9.4H8.8'],
  $: [9, `${letterS}M4.5 -2V16`],
  '%': [
    12,
    'M2.6 0A2.6 3.2 0 0 0 2.6 6.4A2.6 3.2 0 0 0 2.6 0ZM9.4 7.6A2.6 3.2 0 0 0 9.4 14A2.6 3.2 0 0 0 9.4 7.6ZM10 0L2 14',
  ],
  '&': [
    10,
    'M10 14L2.6 4.6C1 2.4 2.2 0 4.4 0C6.6 0 7.6 2.6 5.8 4.4L2.2 7.2C-.8 9.6 .4 14 4.4 14C7.4 14 9.6 11.6 9.8 8',
  ],
  '@': [12.4, 'M9 7A2.8 3.2 0 1 0 3.4 7A2.8 3.2 0 1 0 9 7M9 4V8.6C9 10.6 12.4 10.6 12.4 6.6A6.2 6.8 0 1 0 9 13'],
  '°': [4, 'M2 0A2 2 0 0 0 2 4A2 2 0 0 0 2 0Z'],
  '²': [4, 'M.2 1.8C.2 .7 1 0 2.1 0C3.2 0 3.9 .7 3.9 1.8C3.9 3.3 1.5 4.7 0 7H4'],
  '∞': [14, 'M7 8C5 5 0 4 0 8C0 12 5 11 7 8C9 5 14 4 14 8C14 12 9 11 7 8Z'],
  α: [8.8, 'M8.6 5C7.6 11 5.8 14 3.6 14C1.4 14 0 12.2 0 9.5C0 6.8 1.4 5 3.6 5C5.8 5 7.4 9 8.8 14'],
  λ: [7.6, 'M.4 0C2.6 0 3 1.6 3.8 4.2L7.6 14M4.3 6L.2 14'],
  σ: [9, 'M9 5.2H4A4 4.4 0 1 0 8 9.5C8 7.6 6.8 5.6 4.6 5.2'],
}

const unknown = [7, 'M0 0H7V14H0Z'] as const
const glyphsOf = (text: string) => Array.from(text, (character) => glyphs[character] ?? unknown)

/** How wide `strokeText` draws a text, in pixels, for capitals of `height` pixels. */
export function textWidth(text: string, height: number): number {
  const drawn = glyphsOf(text)
  const units = drawn.reduce((sum, [width]) => sum + width + spacing, 0)
  return (units * height) / capitalHeight
}

/** An SVG element that writes one line of text from `x` on, its baseline at `y`, with capitals of `height` pixels. */
export function strokeText(text: string, x: number, y: number, height: number, colour: string): string {
  const scale = height / capitalHeight
  let position = spacing / 2
  const paths = glyphsOf(text).map(([width, path]) => {
    const placed = path && `<path transform="translate(${position.toFixed(2)})" d="${path}"/>`
    position += width + spacing
    return placed
  })
  const place = `translate(${x.toFixed(2)} ${(y - baseline * scale).toFixed(2)}) scale(${scale.toFixed(4)})`
  const look = `fill="none" stroke="${colour}" stroke-width="${stroke}" stroke-linecap="round" stroke-linejoin="round"`
  return `<g transform="${place}" ${look}>${paths.join('')}</g>`
}
