import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { listDevices, runtimeVersion } from './devices.js'

it('tries every device, says that the CPU works and why others do not', async () => {
  const devices = await listDevices()
  expect(devices.find(({ name }) => name === 'cpu')).toMatchObject({ bundled: true, available: true })
  expect(devices.length).toBeGreaterThan(1)
  for (const { note } of devices) expect(note).toMatch(/^\S.+\S$/)
})

it('knows the version that package.json pins', () => {
  const { dependencies } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  expect(runtimeVersion()).toBe(dependencies['onnxruntime-node'])
})
