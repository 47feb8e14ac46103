import { expect, it } from 'vitest'
import { adviceOn, type MachineState } from './advice.js'

const cpu = { name: 'cpu', bundled: true, available: true, note: 'ran a small network' }
const quiet: MachineState = {
  devices: [cpu],
  hasNvidia: false,
  cores: 16,
  load: 1,
  availableMemoryBytes: 64 * 2 ** 30,
  unmeasured: [],
}

it('says nothing where nothing is to be gained', () => expect(adviceOn(quiet)).toEqual([]))

it.each([
  [{ devices: [cpu, { ...cpu, name: 'webgpu' }] }, /--device webgpu/],
  [
    { hasNvidia: true, devices: [cpu, { ...cpu, name: 'cuda', available: false, note: 'no libcudart' }] },
    /NVIDIA GPU.*libcudart/,
  ],
  [{ load: 20.5 }, /20\.5 processes share 16/],
  [{ cores: 2 }, /2 cores/],
  [{ availableMemoryBytes: 2 ** 30 }, /1\.0 GiB.*--lean/],
  [{ unmeasured: ['a-model'] }, /report a-model --profile-only/],
] as const)('%#: one sentence for one cause', (state, said) => {
  expect(adviceOn({ ...quiet, ...state })).toEqual([expect.stringMatching(said)])
})
