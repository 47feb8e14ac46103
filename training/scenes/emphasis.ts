/** Where a loss on latents counts more: the shape is a twentieth of the picture and most of what a caption says. */
import { shapeCentre } from './render.js'
import type { Scene } from './scene.js'

/** How much more the middle of the shape counts than the background, and how far that reaches, in entries. */
export interface Emphasis {
  readonly strength: number
  readonly reach: number
}

/** 1 + strength·exp(−(d/reach)²) at a distance d from the shape's centre, size × size. Weights do not move the best prediction. */
export function emphasisOnShape(scene: Scene, size: number, { strength, reach }: Emphasis): number[] {
  const [x, y] = shapeCentre(scene, size)
  return Array.from({ length: size ** 2 }, (_, i) => {
    const away = Math.hypot((i % size) + 0.5 - x, Math.floor(i / size) + 0.5 - y)
    return 1 + strength * Math.exp(-((away / reach) ** 2))
  })
}
