/** The Node host: files, pictures, contact sheets and charts. Published as `undiffuse/node`. */
export {
  type ContactSheetCell,
  type ContactSheetOptions,
  contactSheet,
} from './contact-sheet.js'
export { nodeFiles } from './files.js'
export { type PlotAxis, type PlotPoint, type PlotSeries, plotSvg, type ScatterPlot, scatterPlot } from './plot.js'
export { defaultMaximumPixels, type ReadPicture, readImage } from './read-image.js'
export { writeFileAtomically } from './write.js'
export { encodePng, type Picture, quantize, writeImage } from './write-image.js'
export { bundledFile, type BundledModel, bundledModels } from './bundled.js'
export { type DeviceReport, listDevices, ortNode, type OrtNodeOptions, runtimeVersion } from '../runtimes/index.js'
