/** Options that benchmarks share on the command line, and what they mean. */
import type { Command } from 'commander'
import { ortNode } from 'undiffuse/node'

export interface SharedOptions {
  readonly model?: string
  readonly out?: string
  readonly device?: string
  readonly json: boolean
}

export const openRuntime =
  ({ device }: Pick<SharedOptions, 'device'>) =>
  () =>
    ortNode(device === undefined ? {} : { device })

export const share = (command: Command): Command =>
  command
    .option('--out <folder>', 'where numbers and charts go')
    .option('--device <name>', 'where networks run, see `undiffuse doctor` (default: cpu)')
    .option('--json', 'print a machine-readable result', false)
