/** The Node host: files, pictures, contact sheets and charts. Published as `undiffuse/node`. */

export {
  type DeviceReport,
  listDevices,
  type OrtNodeOptions,
  ortNode,
  runtimeVersion,
} from '../runtimes/onnxruntime-node/index.js'
export { type BundledModel, bundledFile, bundledModels } from './bundled.js'
export {
  type ContactSheetCell,
  type ContactSheetOptions,
  contactSheet,
  isContactSheet,
} from './contact-sheet.js'
export { unavailable } from './failures.js'
export { nodeFiles } from './files.js'
export { modelFingerprint } from './fingerprint.js'
export { type MakeCheckpointOptions, makeCheckpoint, makePipeline } from './make-checkpoint.js'
export { pictureTools } from './picture-tools.js'
export {
  type HeatMap,
  type HeatMapCell,
  heatMap,
  type PlotAxis,
  type PlotPoint,
  type PlotSeries,
  plotSvg,
  type ScatterPlot,
  scatterPlot,
} from './plot.js'
export { keepProfile, keptProfile, readProfile } from './profiles.js'
export { decodeImage, defaultMaximumPixels, type ReadOptions, type ReadPicture, readImage } from './read-image.js'
export {
  checkWritable,
  type FileContent,
  type WriteOptions,
  writeFileAtomically,
  writeFilesAtomically,
  writeNewFile,
} from './write.js'
export { encodePng, type Picture, quantize, writeImage } from './write-image.js'
