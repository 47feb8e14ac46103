/** Captions to ask a text-to-image model for, of scenes whose seeds training never draws. */
import { heldOutSeed } from './batch.js'
import { caption, describeScene, type Scene } from './scene.js'

export interface HeldOutPrompt {
  readonly prompt: string
  /** What the picture should show; its small variations are not told, so they are not asked for. */
  readonly scene: Scene
}

/**
 * The first `count` different captions of held-out scenes, always the same: the attributes are uniform and independent.
 *
 * Held out are the scenes, not the sentences: there are 26,880 captions, and training has seen most of them.
 *
 * @example for (const { prompt, scene } of heldOutPrompts(200)) …
 */
export function heldOutPrompts(count: number): HeldOutPrompt[] {
  const prompts = new Map<string, Scene>()
  for (let i = 0; prompts.size < count; i++) {
    const scene = describeScene(heldOutSeed(i))
    const prompt = caption(scene)
    if (!prompts.has(prompt)) prompts.set(prompt, scene)
  }
  return [...prompts].map(([prompt, scene]) => ({ prompt, scene }))
}
