/** Numbers of pictures: no files, no codecs. */
export { deadLeaves } from './dead-leaves.js'
export { type Fit, type Fitted, fitToMultiple } from './fit.js'
export { type Likeness, likenessOutside } from './masked.js'
export { otsuThreshold } from './otsu.js'
export { errorMap, psnrDb, region, resize, round8 } from './pixels.js'
export { ssimMap } from './ssim.js'
