/** Random numbers. ONNX leaves the generator to the runtime: two runtimes agree in distribution only. */
import { dataTypeOfCode } from '../../graph/ops/common.js'
import { torchNoise } from '../../math/noise.js'
import { type Attributes, type Kernel, type NumericArray, required } from './array.js'

/** mean + scale·noise; equal seeds give equal noise. */
function normal(shape: readonly number[], attributes: Attributes, fallback: NumericArray['dtype']): NumericArray {
  const noise = torchNoise(Math.abs(Math.trunc(attributes.float('seed', 0))), shape)
  const [mean, scale] = [attributes.float('mean', 0), attributes.float('scale', 1)]
  const dtype = dataTypeOfCode(attributes.integer('dtype', 0)) ?? fallback
  return { dtype, shape, data: noise.data.map((value) => mean + scale * value) }
}

export const randoms: Readonly<Record<string, Kernel>> = {
  RandomNormal: (_inputs, attributes) => [normal(attributes.integers('shape') ?? [], attributes, 'float32')],
  RandomNormalLike: (inputs, attributes) => {
    const { shape, dtype } = required(inputs, 0)
    return [normal(shape, attributes, dtype)]
  },
}
