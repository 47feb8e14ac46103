/** What could be faster on a machine, in sentences. Looks at nothing itself. */
import type { DeviceReport } from 'undiffuse/onnxruntime-node'

export interface MachineState {
  readonly devices: readonly DeviceReport[]
  /** A driver of NVIDIA's is loaded. */
  readonly hasNvidia: boolean
  readonly cores: number
  /** Processes that were running or waiting, on average over a minute; 0 where the system does not tell. */
  readonly load: number
  readonly availableMemoryBytes: number
  /** Bundled models whose autoencoder was never measured. */
  readonly unmeasured: readonly string[]
}

/** A model of the size of Stable Diffusion in 32 bits takes about as much. */
const usualBytes = 8 * 2 ** 30

/** The largest gain first; empty where nothing is to be gained. */
export function adviceOn(state: MachineState): readonly string[] {
  const { devices, hasNvidia, cores, load, availableMemoryBytes, unmeasured } = state
  const others = devices.filter(({ name, available }) => available && name !== 'cpu').map(({ name }) => name)
  const cuda = devices.find(({ name }) => name === 'cuda')
  return [
    ...(others.length > 0
      ? [`Networks run on the CPU unless told otherwise: pass \`--device ${others[0]}\`, which works here.`]
      : []),
    ...(hasNvidia && !cuda?.available
      ? [`There is an NVIDIA GPU that ONNX Runtime cannot use: ${cuda?.note ?? 'this build has no CUDA'}.`]
      : []),
    ...(load > cores
      ? [
          `Other work takes the cores: ${load.toFixed(1)} processes share ${cores}. Seconds are longer than they need be.`,
        ]
      : []),
    ...(cores < 4 ? [`There are ${cores} cores: time is nearly proportional to their number.`] : []),
    ...(availableMemoryBytes < usualBytes
      ? [
          `${(availableMemoryBytes / 2 ** 30).toFixed(1)} GiB of memory are free: for large models pass \`--lean\`, and store weights in 16 bits.`,
        ]
      : []),
    ...unmeasured.map(
      (id) =>
        `Decoder inversion of ${id} is not measured: \`undiffuse report ${id} --profile-only\` saves round trips.`,
    ),
  ]
}
