/** Models that stay open for the operations that follow. Tests of many runs open the same one once. */
import type { HostModels } from '../../src/operations/host.js'

export interface KeptModels extends HostModels {
  closeAll(): Promise<void>
}

/** A model is opened once for equal settings; each run is told what its own network runs cost. */
export function keptModels(models: HostModels): KeptModels {
  const kept = new Map<string, ReturnType<HostModels['open']>>()
  return {
    ...models,
    async open(settings) {
      const key = JSON.stringify(settings)
      const opening = kept.get(key) ?? models.open(settings)
      kept.set(key, opening)
      const held = await opening
      const before = await held.cost()
      return {
        ...held,
        async cost() {
          const now = await held.cost()
          return {
            ...now,
            networkSeconds: now.networkSeconds - before.networkSeconds,
            openingSeconds: now.openingSeconds - before.openingSeconds,
            networkRuns: now.networkRuns - before.networkRuns,
          }
        },
        async close() {},
      }
    },
    async closeAll() {
      for (const opening of kept.values()) await opening.then((held) => held.close()).catch(() => {})
    },
  }
}
