/**
 * Which devices networks can run on here: what `undiffuse doctor` shows. Every answer comes from a run, in a process of
 * its own, so that a driver that crashes takes nothing else down.
 */
import { createRequire } from 'node:module'
import { expected } from '../../core/errors.js'
import { type NetworkProcess, startNetworkProcess } from './network-process.js'
import { ortFailure } from './ort-failure.js'
import { probeDevice } from './probe.js'

export interface DeviceReport {
  /** As `device` takes it: `cpu`, `webgpu`, `cuda`. */
  readonly name: string
  /** Whether its code comes with the package; others need libraries that are installed separately. */
  readonly bundled: boolean
  /** Whether a small network ran on it just now, with the right result. */
  readonly available: boolean
  readonly note: string
}

/** What ONNX Runtime calls devices on any system; `listDevices` tells which of them work here. */
export const knownDevices: readonly string[] = ['cpu', 'webgpu', 'cuda', 'tensorrt', 'dml', 'coreml', 'qnn']

/** The version of ONNX Runtime, without loading it. */
export function runtimeVersion(): string {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { readonly version: string }
  return version
}

/** Does one thing in a process that ends with it. */
async function inOwnProcess<T>(job: (child: NetworkProcess) => Promise<T>): Promise<T> {
  const child = startNetworkProcess(() => {})
  try {
    return await job(child)
  } finally {
    child.kill()
    await child.gone
  }
}

/**
 * Tries every device that ONNX Runtime knows, one after another; takes about a second.
 *
 * Errors: `unavailable` when ONNX Runtime itself cannot be loaded.
 *
 * @example
 * for (const { name, available, note } of await listDevices()) console.log(name, available, note)
 */
export async function listDevices(): Promise<readonly DeviceReport[]> {
  const backends = await inOwnProcess((child) => child.request('describe', {})).catch((error: Error) => {
    const remedy = 'Install the package again on this machine: its binaries are made for one system.'
    throw expected('unavailable', 'ONNX Runtime', 'running networks', ortFailure(error), remedy)
  })
  const reports: DeviceReport[] = []
  for (const { name, bundled } of backends) {
    const failure = await inOwnProcess((child) => probeDevice(child, name)).then(() => undefined, ortFailure)
    reports.push({ name, bundled, available: failure === undefined, note: failure ?? 'ran a small network' })
  }
  return reports
}
