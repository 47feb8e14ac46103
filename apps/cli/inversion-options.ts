/** The options that all inversions share on the command line, and what `--help` says of their methods. */
import { type Command, Option } from 'commander'
import { decoderInverters, type FloorProbes, inverters, refiners } from 'undiffuse'
import { addNetworkOptions } from './diffusion.js'
import { defaultDecoder } from './inversion.js'
import { describeMethods } from './methods.js'
import { defaultInverter } from './noise-inversion.js'
import { decoderWithout, defaultChunk, defaultFit, inverterWithout } from './noise-recovery.js'
import { integerAtLeast } from './numbers.js'
import { addRecipeOptions, promptOption, solverHelp } from './recipe.js'

const fitOption = (more = ''): Option =>
  new Option('--fit <how>', `pictures whose sides the model does not take${more}`).choices([
    'refuse',
    'pad',
    'crop',
    'resize',
  ])

/** How the picture was made, with which networks, and how each half is undone. */
export const addInversionOptions = (command: Command): Command =>
  addDecoderOptions(
    addNetworkOptions(addRecipeOptions(command)).option(
      '--inverter <method:options>',
      'how to undo the solver, see below',
      defaultInverter,
    ),
  )

const probesOf = (text: string): FloorProbes => (text === 'whole' ? text : integerAtLeast(2)(text))

/** `--floor`, with its number of probes or without. */
export const floorOption = (): Option =>
  new Option('--floor [probes]', 'the error to expect at best, from random probes (default: 8) or `whole`; minutes')
    .argParser(probesOf)
    .preset('8')

/** `--probes`, where a floor is always taken. */
export const probesOption = (): Option =>
  new Option('--probes <n|whole>', 'random probes of each floor, or the whole Jacobian').argParser(probesOf).default(8)

/** What makes a noise more probable. */
export const refinersHelp = (): string => describeMethods('Refiners:', refiners)

/** How a picture is fitted to the model, and its latent found. */
export const addDecoderOptions = (command: Command): Command =>
  command
    .option('--decoder <method:options>', 'how to invert the decoder, see below', defaultDecoder)
    .addOption(fitOption().default(defaultFit))

/** The same where what is not said may be known from elsewhere: from a calibration. */
export const addRecoveryOptions = (command: Command): Command =>
  addNetworkOptions(addRecipeOptions(command.option(...promptOption)))
    .option(
      '--inverter <method:options>',
      `how to undo the solver, see below (default: ${inverterWithout} without a prompt, ${defaultInverter} with one)`,
    )
    .option(
      '--decoder <method:options>',
      `how to invert the decoder, see below (default: ${decoderWithout} without a prompt, ${defaultDecoder} with one)`,
    )
    .addOption(fitOption(` (default: ${defaultFit})`))
    .option('--chunk <n>', 'pictures that are inverted at the same time', integerAtLeast(1), defaultChunk)

/** The methods, then the command's own help. */
export const inversionHelp = (help: string): string =>
  [
    describeMethods('Inverters (method:option=value,...):', inverters),
    describeMethods('Decoder inversions:', decoderInverters),
    solverHelp(),
    help,
  ].join('\n')
