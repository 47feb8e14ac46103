/**
 * Colour statistics of photographs: palettes of related colours, and a change of exposure, contrast, saturation and
 * white balance over a finished picture. Not the scenes' palette.
 */
import { type Colour, clamp } from './image.js'
import { between, type Random } from './random.js'

/** A source of colours that go together: two hues (often earth and sky), varied saturation, wide brightness; some outliers. */
export function relatedColours(random: Random): () => Colour {
  const warm = between(random, 0, 0.17)
  const hues = [random() < 0.5 ? warm : random(), random() < 0.4 ? 0.58 : random()] as const
  const saturation = between(random, 0.1, 0.9)
  const spread = between(random, 0.02, 0.15)
  return () => {
    const outlier = random() < 0.12
    const hue = outlier ? random() : hues[random() < 0.65 ? 0 : 1] + spread * between(random, -1, 1)
    const value = between(random, 0.05, 1)
    const chroma = value * (outlier ? random() : saturation * between(random, 0.4, 1))
    const channel = (shift: number) => {
      const place = (hue + shift + 2) % 1
      return value - chroma * clamp(1.5 - Math.abs(6 * place - 3) + 0.5, 0, 1)
    }
    return [channel(0), channel(2 / 3), channel(1 / 3)]
  }
}

/** Makes pixels of [0, 1] (a little beyond does no harm) into a photograph's: new statistics, then [−1, 1]. */
export function develop(data: Float32Array, random: Random): void {
  const plane = data.length / 3
  let mean = 0
  for (let i = 0; i < data.length; i++) mean += data[i]!
  mean /= data.length
  const middle = clamp(0.5 + 0.16 * (random() + random() + random() - 1.5) * 2, 0.1, 0.9)
  const contrast = between(random, 0.5, 1.25)
  const saturation = random() < 0.12 ? 0 : between(random, 0.35, 1.2)
  const balance = [between(random, 0.92, 1.08), 1, between(random, 0.9, 1.1)] as const
  for (let i = 0; i < plane; i++) {
    const red = data[i]!
    const green = data[i + plane]!
    const blue = data[i + 2 * plane]!
    const grey = 0.3 * red + 0.59 * green + 0.11 * blue
    const light = middle + contrast * (grey - mean)
    const vivid = saturation * contrast
    data[i] = 2 * clamp((light + vivid * (red - grey)) * balance[0], 0, 1) - 1
    data[i + plane] = 2 * clamp((light + vivid * (green - grey)) * balance[1], 0, 1) - 1
    data[i + 2 * plane] = 2 * clamp((light + vivid * (blue - grey)) * balance[2], 0, 1) - 1
  }
}
