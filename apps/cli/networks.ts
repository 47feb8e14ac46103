/** What commands that run networks share: a runtime that ends with them, what it cost, and which model is meant. */
import { performance } from 'node:perf_hooks'
import { expected, type Runtime } from 'undiffuse'
import { bundledModels, nodeFiles, ortNode } from 'undiffuse/node'

export interface NetworkCost {
  /** Inside network runs. */
  readonly networkSeconds: number
  /** Opening networks: reading weights, optimising graphs. */
  readonly openingSeconds: number
  readonly networkRuns: number
  readonly peakMemoryBytes: number
}

/** Runs `body` with a runtime that is closed when it ends. */
export async function withRuntime<T>(
  device: string | undefined,
  body: (runtime: Runtime, cost: () => Promise<NetworkCost>) => Promise<T>,
): Promise<T> {
  const runtime = ortNode(device === undefined ? {} : { device })
  let openingSeconds = 0
  const open: Runtime['open'] = async (graph, options) => {
    const start = performance.now()
    try {
      return await runtime.open(graph, options)
    } finally {
      openingSeconds += (performance.now() - start) / 1000
    }
  }
  try {
    return await body({ ...runtime, open }, async () => {
      const { networkSeconds, runs, peakMemoryBytes } = await runtime.usage()
      return { networkSeconds, openingSeconds, networkRuns: runs, peakMemoryBytes }
    })
  } finally {
    await runtime.close()
  }
}

/** The folder of a bundled model's id, or the path itself; without either, the first bundled model. */
export async function modelFolder(idOrPath: string | undefined): Promise<string> {
  const models = await bundledModels()
  const found = models.find(({ id }) => idOrPath === undefined || id === idOrPath)
  const path = found?.folder ?? idOrPath
  if (path !== undefined) return path
  throw expected(
    'bad-model',
    'a model',
    '`--model`',
    'none, and no bundled one',
    'Pass the folder of a diffusers checkpoint.',
  )
}

/** Whether a model goes on from the latent to the noise. */
export async function hasDenoiser(idOrPath: string | undefined): Promise<boolean> {
  return (await nodeFiles.list(nodeFiles.join(await modelFolder(idOrPath), 'unet'))) !== undefined
}
