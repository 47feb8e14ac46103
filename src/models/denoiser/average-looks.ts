/** Cross-attention of layers of different sizes as one picture of the latent's size. Pure numbers; nothing is run here. */
import { type Tensor, zeros } from '../../math/tensor.js'
import { planesOf } from '../../pictures/planes.js'

/**
 * The mean over layers of what each looks at, tokens × height × width for each question; coarser layers are repeated.
 *
 * `layers` has, for each layer, one tensor of tokens × ⌈height/f⌉ × ⌈width/f⌉ for each question, f a power of two: networks
 * halve a side of n to ⌈n/2⌉. At every place the result sums to 1 over tokens, as every layer does.
 */
export function averageLooks(layers: readonly (readonly Tensor[])[], sides: readonly [number, number]): Tensor[] {
  const [height, width] = sides
  return layers[0]!.map((first, question) => {
    const tokens = first.shape[0]!
    const looks = zeros([tokens, height, width])
    for (const layer of layers) {
      const { shape, data } = layer[question]!
      const { height: rows, width: columns } = planesOf(shape)
      const [rowStep, columnStep] = [stepOf(height, rows), stepOf(width, columns)]
      for (let token = 0, i = 0; token < tokens; token++) {
        for (let y = 0; y < height; y++) {
          const row = (token * rows + Math.floor(y / rowStep)) * columns
          for (let x = 0; x < width; x++, i++) {
            looks.data[i]! += data[row + Math.floor(x / columnStep)]! / layers.length
          }
        }
      }
    }
    return looks
  })
}

/** How many places of a side one place of a coarser layer stands for: the least power of two. */
function stepOf(side: number, coarser: number): number {
  let step = 1
  while (Math.ceil(side / step) > coarser) step *= 2
  return step
}
