/** What the numbers were measured on. */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { runtimeVersion } from 'undiffuse/node'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryBytes: number
  readonly node: string
  readonly onnxruntime: string
  /** Runnable threads, mean over the last minute: well above 0 at the start means that something else was running. */
  readonly load: number
}

export const machine = (): Machine => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  node: process.versions.node,
  onnxruntime: runtimeVersion(),
  load: loadavg()[0] ?? 0,
})
