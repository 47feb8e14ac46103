/** Conv and ConvTranspose in one to three dimensions: the sums as the specification writes them. */
import { sizeOf } from '../../math/tensor.js'
import { type Kernel, required, unsupported } from './array.js'
import { extentOf, three, threeAxes, type WindowAxis, windowAxes, windowCount } from './window.js'

/** Calls `visit` for every tap that lands inside: offsets of the tap within the window, window positions, input. */
function eachTap(
  axes: readonly WindowAxis[],
  windows: readonly number[],
  sizes: readonly number[],
  visit: (window: number, tap: number, place: number) => void,
): void {
  const [z, y, x] = threeAxes(axes)
  const [windowsZ, windowsY, windowsX] = three(windows, 1)
  const [sizeZ, sizeY, sizeX] = three(sizes, 1)
  const at = (axis: WindowAxis, window: number, tap: number) => window * axis.stride + tap * axis.dilation - axis.begin
  for (let windowZ = 0; windowZ < windowsZ; windowZ++) {
    for (let windowY = 0; windowY < windowsY; windowY++) {
      for (let windowX = 0; windowX < windowsX; windowX++) {
        for (let tapZ = 0; tapZ < z.kernel; tapZ++) {
          const placeZ = at(z, windowZ, tapZ)
          if (placeZ < 0 || placeZ >= sizeZ) continue
          for (let tapY = 0; tapY < y.kernel; tapY++) {
            const placeY = at(y, windowY, tapY)
            if (placeY < 0 || placeY >= sizeY) continue
            for (let tapX = 0; tapX < x.kernel; tapX++) {
              const placeX = at(x, windowX, tapX)
              if (placeX < 0 || placeX >= sizeX) continue
              visit(
                (windowZ * windowsY + windowY) * windowsX + windowX,
                (tapZ * y.kernel + tapY) * x.kernel + tapX,
                (placeZ * sizeY + placeY) * sizeX + placeX,
              )
            }
          }
        }
      }
    }
  }
}

/** y[m, o] = bias[m] + Σ_c Σ_k x[c, o·stride + k·dilation − begin]·w[m, c, k], c within the group of m. */
const convolution: Kernel = (inputs, attributes) => {
  const [x, weight, bias] = [required(inputs, 0), required(inputs, 1), inputs[2]]
  const [batch, channels, ...sizes] = x.shape as [number, number, ...number[]]
  const [filters, groupChannels, ...kernel] = weight.shape as [number, number, ...number[]]
  const groups = attributes.integer('group', 1)
  const axes = windowAxes(attributes, sizes, kernel)
  const windows = axes.map((axis, i) => windowCount(axis, sizes[i]!))
  const [inputArea, outputArea, taps] = [sizeOf(sizes), sizeOf(windows), sizeOf(kernel)]
  const y = new Float64Array(batch * filters * outputArea)
  for (let n = 0; n < batch; n++) {
    for (let m = 0; m < filters; m++) {
      const group = Math.floor(m / (filters / groups))
      const output = (n * filters + m) * outputArea
      y.fill(bias?.data[m] ?? 0, output, output + outputArea)
      for (let c = 0; c < groupChannels; c++) {
        const input = (n * channels + group * groupChannels + c) * inputArea
        const filter = (m * groupChannels + c) * taps
        eachTap(axes, windows, sizes, (window, tap, place) => {
          y[output + window]! += x.data[input + place]! * weight.data[filter + tap]!
        })
      }
    }
  }
  return [{ dtype: x.dtype, shape: [batch, filters, ...windows], data: y }]
}

/**
 * y[m, i·stride + k·dilation − begin] = bias[m] + Σ_c Σ_k x[c, i]·w[c, m, k]: input entries are the windows here, and
 * each adds its multiple of the kernel to the output.
 */
const transposed: Kernel = (inputs, attributes) => {
  const [x, weight, bias] = [required(inputs, 0), required(inputs, 1), inputs[2]]
  if (attributes.integers('output_shape') || !['NOTSET', 'VALID'].includes(attributes.string('auto_pad', 'NOTSET'))) {
    throw unsupported('ConvTranspose with output_shape or auto_pad')
  }
  const [batch, channels, ...sizes] = x.shape as [number, number, ...number[]]
  const [, groupFilters, ...kernel] = weight.shape as [number, number, ...number[]]
  const groups = attributes.integer('group', 1)
  const extra = attributes.integers('output_padding')
  const axes = windowAxes(attributes, sizes, kernel)
  const outputs = axes.map(
    (axis, i) => (sizes[i]! - 1) * axis.stride + (extra?.[i] ?? 0) + extentOf(axis) - axis.begin - axis.end,
  )
  const filters = groups * groupFilters
  const [inputArea, outputArea, taps] = [sizeOf(sizes), sizeOf(outputs), sizeOf(kernel)]
  const y = new Float64Array(batch * filters * outputArea)
  for (let n = 0; n < batch; n++) {
    for (let m = 0; m < filters; m++) {
      const output = (n * filters + m) * outputArea
      y.fill(bias?.data[m] ?? 0, output, output + outputArea)
    }
    for (let c = 0; c < channels; c++) {
      const group = Math.floor(c / (channels / groups))
      const input = (n * channels + c) * inputArea
      for (let m = 0; m < groupFilters; m++) {
        const output = (n * filters + group * groupFilters + m) * outputArea
        const filter = (c * groupFilters + m) * taps
        eachTap(axes, sizes, outputs, (window, tap, place) => {
          y[output + place]! += x.data[input + window]! * weight.data[filter + tap]!
        })
      }
    }
  }
  return [{ dtype: x.dtype, shape: [batch, filters, ...outputs], data: y }]
}

export const convolutions: Readonly<Record<string, Kernel>> = { Conv: convolution, ConvTranspose: transposed }
