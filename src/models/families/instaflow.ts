/** InstaFlow: the networks of Stable Diffusion 1, trained as a rectified flow that one step leads through. */

import { rectifiedFlow } from '../../diffusion/schedules.js'
import { flowEuler } from '../../diffusion/solvers/flow-euler.js'
import type { Family } from '../family.js'
import type { Scheduler } from '../scheduler.js'
import { readClipUnet } from './parts/clip-unet.js'
import { stableDiffusion } from './stable-diffusion.js'

/** What the network was distilled for. */
const defaultSteps = 1

/**
 * x ← x + v/N, the network told t = 1000·(1 − i/N), v from the noise to the picture. The folder's own scheduler is not asked:
 * the pipeline does not, either.
 *
 * Source: Liu et al., InstaFlow, ICLR 2024; pipeline_rf.py of github.com/gnobitab/InstaFlow.
 */
const scheduler = (steps = defaultSteps): Scheduler => ({
  className: 'RectifiedFlowPipeline',
  schedule: rectifiedFlow({ scale: 1000 }),
  prediction: 'velocity-to-image',
  solver: flowEuler({ steps, spacing: 'linspace', spread: 'levels', wholeTimes: false, end: 'zero' }),
  defaultSteps,
})

export const instaFlow: Family = {
  id: 'instaflow',
  title: 'InstaFlow',
  pipelineClasses: ['RectifiedFlowPipeline'],
  // Saved as a StableDiffusionPipeline nothing tells it from Stable Diffusion 1: it has to be named.
  isLike: () => false,
  read: (source) =>
    readClipUnet(source, {
      states: 'last',
      textSuffixes: [''],
      defaultGuidance: 1,
      zeroNegative: false,
      pooled: false,
      scheduler: ({ steps }) => scheduler(steps),
    }),
  shapes: {
    instaflow: { ...stableDiffusion.shapes['stable-diffusion-1-5']!, className: 'RectifiedFlowPipeline' },
  },
}
