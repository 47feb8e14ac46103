/** The bundled autoencoder's recipe trains: gradients reach every weight, on crops of both sizes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { norm } from 'undiffuse'
import { afterAll, expect, it } from 'vitest'
import { loadCheckpoint } from '../checkpoint.js'
import { type Recipe, recipe } from './recipe.js'
import { train } from './train.js'

const folder = await mkdtemp(join(tmpdir(), 'undiffuse-training-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The bundled recipe on pictures small enough for a test: a small crop, then a large one. */
const small: Recipe = { ...recipe, small: { batch: 1, size: 32 }, large: { batch: 1, size: 64 }, largeEvery: 2 }

it('reaches every weight, and says how well pictures come back', async () => {
  await train(small, { folder, steps: 2, saveEvery: 100, evaluateEvery: 100 }, () => {})
  const { step, state } = (await loadCheckpoint(join(folder, 'checkpoint.safetensors')))!
  expect(step).toBe(2)
  for (const [name, moment] of state.first) expect(norm(moment), name).toBeGreaterThan(0)
  const log = (await readFile(join(folder, 'log.jsonl'), 'utf8')).trim()
  expect(JSON.parse(log)).toEqual({ step: 2, unseenScenesPsnrDb: expect.any(Number) })
}, 300_000)
