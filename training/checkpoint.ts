/** A training run's state as one file: weights, moments and averages in float32, and how far it got. */
import { encodeSafetensors, readTensors, safetensor, type Tensor, tensor } from 'undiffuse'
import { nodeFiles, writeFileAtomically } from 'undiffuse/node'
import type { Trained } from './adamw.js'

const parts = ['weights', 'first', 'second', 'average'] as const

/** Writes the state whole or not at all, so that a run that is killed while writing resumes from the last one. */
export async function saveCheckpoint(path: string, state: Trained, step: number): Promise<void> {
  const tensors = parts.flatMap((part) =>
    [...state[part]].map(([name, x]) => [`${part}.${name}`, safetensor(x)] as const),
  )
  const progress = safetensor(tensor([], [step]), 'int64')
  await writeFileAtomically(path, encodeSafetensors({ ...Object.fromEntries(tensors), step: progress }))
}

/** The state that `saveCheckpoint` wrote, or undefined where there is none yet. */
export async function loadCheckpoint(path: string): Promise<{ state: Trained; step: number } | undefined> {
  if ((await nodeFiles.size(path)) === undefined) return undefined
  const tensors = await readTensors(nodeFiles, path)
  const pick = (part: string): Map<string, Tensor> =>
    new Map(
      [...tensors].filter(([name]) => name.startsWith(`${part}.`)).map(([name, x]) => [name.slice(part.length + 1), x]),
    )
  return {
    state: { weights: pick('weights'), first: pick('first'), second: pick('second'), average: pick('average') },
    step: tensors.get('step')!.data[0]!,
  }
}
