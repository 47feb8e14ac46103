import { expect, it } from 'vitest'
import { ortFailure } from './ort-failure.js'

it('keeps what a person can use of messages that ONNX Runtime 1.30 gives', () => {
  const cases = {
    "Non-zero status code returned while running Expand node. Name:'' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:360 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 4000000000000\n":
      "Non-zero status code returned while running Expand node. Name:'' Status Message: Failed to allocate memory for requested buffer of size 4000000000000",
    '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters\n':
      'Failed to get a WebGPU adapter: No supported adapters',
    'Got invalid dimensions for input: x for the following indices\n index: 1 Got: 3 Expected: 1024\n':
      'Got invalid dimensions for input: x for the following indices',
    'Failed to load model because protobuf parsing failed.': 'Failed to load model because protobuf parsing failed.',
  }
  for (const [message, readable] of Object.entries(cases)) expect(ortFailure(new Error(message))).toBe(readable)
})
