/** The options by which every solver chooses its grid: one name each, everywhere. */
import { ends, spacings, spreads } from './grids.js'

export const gridFields = {
  steps: {
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    default: 50,
    unit: 'steps',
    description: 'Steps of the grid.',
  },
  spacing: { type: 'choice', choices: spacings, default: 'linspace', description: 'How the levels are spaced.' },
  spread: {
    type: 'choice',
    choices: spreads,
    default: 'levels',
    description: 'Spaced over all levels, the end included, or over the steps, with the end after them.',
  },
  offset: {
    type: 'integer',
    minimum: 0,
    maximum: 1000,
    default: 0,
    unit: 'training times',
    description: 'Added to the times of the leading spacing.',
  },
  wholeTimes: { type: 'boolean', default: true, description: 'Tell the network whole times only.' },
  end: {
    type: 'choice',
    choices: ends,
    default: 'cleanest',
    description: 'The last level: the cleanest that was trained, or no noise at all, which cannot always be undone.',
  },
} as const

/** Karras and colleagues' grid down to sigma = 0, told fractional times: what Euler and Heun are usually run on. */
export const karrasFields = {
  ...gridFields,
  spacing: { ...gridFields.spacing, default: 'karras' },
  spread: { ...gridFields.spread, default: 'steps' },
  wholeTimes: { ...gridFields.wholeTimes, default: false },
  end: { ...gridFields.end, default: 'zero' },
} as const
