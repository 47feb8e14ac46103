/** How like its source the background of an edit is. */
import { plural } from '../../core/plural.js'
import type { Likeness } from '../../pictures/masked.js'
import { decibels, errorDecibels } from './labels.js'

export const backgroundReport = ({ share, nmse, psnrDb, ssim, largestLevels }: Likeness) => ({
  shareOfPixels: share,
  nmse,
  psnrDb,
  ssim,
  largestLevels,
})

export type BackgroundReport = ReturnType<typeof backgroundReport>

/** How like the source a background is, in a few words. */
export const backgroundText = ({
  nmse,
  psnrDb,
  ssim,
  largestLevels,
}: Omit<BackgroundReport, 'shareOfPixels'>): string =>
  largestLevels === 0
    ? 'the same pixels'
    : `NMSE ${errorDecibels(10 * Math.log10(nmse))}, PSNR ${decibels(psnrDb)}, SSIM ${ssim.toFixed(3)}, at most ${plural(largestLevels, 'level')}`
