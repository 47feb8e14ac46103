/** The page of help about masks: what `edit` takes, how it finds one, and when to draw one. */
import { paragraphs, table } from './help.js'
import { asTyped } from './program-name.js'

/** What `exact-blending:mask=…` may be. */
export const foundMasks = [
  [
    'automatic',
    'the default: attention; both where attention is all over the picture; difference where the model tells none',
  ],
  ['attention', 'where the model looks at the changed words: for a thing, its colour, its shape'],
  ['difference', 'where the two prompts disagree: for a size, a background'],
  ['both', 'all that attention and difference find, without gaps: for a thing that moves or grows'],
] as const

const drawn = `
A mask says where an edit may change a picture. Outside it the pixels are kept, bit for bit. The bundled model draws one of eight shapes on
simple backgrounds: photographs and flat drawings mostly fail, whatever the mask.

With \`--mask <picture>\` you say where: a picture of the same size, white (128 of 255) where it may change. Transparent parts are kept. \`dilation=1\` grows it by 8 pixels. \`--feather 8\` softens the seam: leave 20 pixels of room.

Without \`--mask\` the method \`exact-blending\` finds one and grows it by an entry. The other methods may change everything then. Say
how to look with \`--method exact-blending:mask=<which>\`:`

const advice = `
Draw one yourself

 – to move or grow a thing and keep the rest: white over its old place and its new one. Found masks hold most of the picture then;

 – where a note says that it covers much or nothing, or \`--sheet\` shows so;

 – for another texture: white over the background, black over the thing;

 – to remove a thing: see "Removing a thing" in docs/editing.md;

 – for what must be kept by all means: \`--lock-background\` then refuses a mask that keeps nothing.

To begin with the one that was found, write it with \`--save-mask mask.png\` and paint over it. It is grown already.`

/** The page in lines of so many columns. */
export const maskLines = (columns: number): readonly string[] => [
  'Masks of `edit`:',
  '',
  ...paragraphs(drawn, columns),
  '',
  ...table(foundMasks, columns),
  '',
  ...paragraphs(advice, columns),
  '',
  asTyped('More: docs/editing.md'),
]
