/** Where networks run and what they may take, as options of commands without an operation. */
import { Option } from 'commander'
import type { Runtime } from 'undiffuse'
import { ortNode } from 'undiffuse/node'
import { positiveNumber } from './numbers.js'

export interface RuntimeOptions {
  readonly device?: string
  /** In GiB. */
  readonly memoryLimit?: number
}

export const deviceOption = (): Option =>
  new Option('--device <name>', 'where networks run, see `undiffuse doctor` (default: cpu)')

export const memoryLimitOption = (): Option =>
  new Option(
    '--memory-limit <GiB>',
    'of what one network may take while it runs, with its weights (default: 3/4 of what is free)',
  ).argParser(positiveNumber)

export const runtimeOf = ({ device, memoryLimit }: RuntimeOptions): Runtime =>
  ortNode({
    ...(device !== undefined && { device }),
    ...(memoryLimit !== undefined && { memoryLimit: memoryLimit * 2 ** 30 }),
  })
