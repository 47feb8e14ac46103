/** Where networks run and what they may take, as options of commands without an operation. */
import { InvalidArgumentError, Option } from 'commander'
import type { Runtime } from 'undiffuse'
import { ortNode } from 'undiffuse/node'
import { finiteNumber } from './numbers.js'

export interface RuntimeOptions {
  readonly device?: string
  /** In GiB. */
  readonly memoryLimit?: number
}

function gibibytes(text: string): number {
  const value = finiteNumber(text)
  if (value > 0) return value
  throw new InvalidArgumentError('It must be above 0.')
}

export const deviceOption = (): Option =>
  new Option('--device <name>', 'where networks run, see `undiffuse doctor` (default: cpu)')

export const memoryLimitOption = (): Option =>
  new Option(
    '--memory-limit <GiB>',
    'of what one network may take while it runs, its weights left out (default: 3/4 of what is free)',
  ).argParser(gibibytes)

export const runtimeOf = ({ device, memoryLimit }: RuntimeOptions): Runtime =>
  ortNode({
    ...(device !== undefined && { device }),
    ...(memoryLimit !== undefined && { memoryLimit: memoryLimit * 2 ** 30 }),
  })
