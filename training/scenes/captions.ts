/** Captions as training sees them: whole, with parts left out, or none at all. */
import type { Vocabulary } from 'undiffuse'
import type { Random } from './random.js'
import { caption, colours, places, type Scene, shapes, sizes, textures } from './scene.js'

/** A caption says everything this often; otherwise each of size, place and background is left out half of the time. */
const whole = 0.7
/** No caption this often: the unconditional network of classifier-free guidance. */
const dropped = 0.1

/** A scene's caption with parts left out at random; colour and shape are always told where anything is. */
export function trainingCaption(scene: Scene, random: Random): string {
  if (random() < dropped) return ''
  const full = caption(scene)
  if (random() < whole) return full
  const keep = () => random() < 0.5
  const [subject, background] = full.split(', ') as [string, string]
  const place = subject.slice(subject.indexOf(scene.shape) + scene.shape.length)
  const sized = keep()
    ? subject
    : `${/^[aeiou]/.test(scene.colour) ? 'an' : 'a'} ${scene.colour} ${scene.shape}${place}`
  const placed = keep() ? sized : sized.slice(0, sized.length - place.length)
  return keep() ? `${placed}, ${background}` : placed
}

/** Every word that a caption may hold, in sentences. */
export function everyCaption(): string[] {
  const variation = {} as Scene['variation']
  const sentences: string[] = []
  for (const shape of shapes) {
    for (const colour of colours) {
      for (const size of sizes) {
        for (const place of places) {
          for (const background of colours) {
            for (const texture of textures) {
              if (background !== colour)
                sentences.push(caption({ shape, colour, size, place, background, texture, variation }))
            }
          }
        }
      }
    }
  }
  return [...sentences, ...colours.map((colour) => `${/^[aeiou]/.test(colour) ? 'an' : 'a'} ${colour} ball`)]
}

/** The words of the captions by what they say, and captions to begin with: what users are told of the model. */
export const sceneVocabulary: Vocabulary = {
  words: {
    shapes,
    colours,
    sizes,
    places,
    textures,
    others: ['a', 'an', 'at', 'in', 'on', 'the'],
  },
  examples: [
    'a large red ball on the left, on blue stripes',
    'a small green star at the top, on plain yellow',
    'a large white cube in the centre, on purple checks',
    'a small orange heart at the bottom, on a cyan gradient',
    'a large blue ring on the right, on white clouds',
    'a small purple pyramid in the centre, on green dots',
    'a yellow cone on the left',
    'a red cylinder',
  ],
}
