/** `watermark identify` on a host without a machine. */
import { describe, expect, it } from 'vitest'
import { marked, start } from '../../test/hosts/operations.js'
import { identifyOperation } from './index.js'

describe('identify', () => {
  it('identify reads noise files without a model, and tells the message', async () => {
    const { host, inverting } = await marked()
    const { result } = await start(identifyOperation, host, { ...inverting, sources: 'marked.safetensors' })
    expect(result).toMatchObject({ model: null, marked: 1, results: [{ by: 'message', verdict: 'marked' }] })
  })
})
