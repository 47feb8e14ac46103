/** `undiffuse watermark`: the group of what marks pictures and finds marks. */
import type { Command } from 'commander'
import { addOperation } from '../operation-command.js'
import { command as calibrate } from './watermark-calibrate.js'
import { command as detect } from './watermark-detect.js'
import { command as identify } from './watermark-identify.js'
import { command as keygen } from './watermark-keygen.js'

export function add(program: Command): void {
  const group = program.command('watermark').helpCommand(false)
  for (const command of [keygen, detect, identify, calibrate]) addOperation(group, command)
}
