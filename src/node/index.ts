/**
 * The Node host: files, pictures, contact sheets and charts. Published as `undiffuse/node`.
 *
 * @module undiffuse/node
 */

export type {
  ContactSheetCell,
  ContactSheetOptions,
  FileContent,
  PlotAxis,
  PlotPoint,
  PlotSeries,
  ReadPicture,
  ScatterPlot,
} from '../operations/host.js'
export {
  type DeviceReport,
  listDevices,
  type OrtNodeOptions,
  ortNode,
  runtimeVersion,
} from '../runtimes/onnxruntime-node/index.js'
export { type BundledModel, bundledFile, bundledModels } from './bundled.js'
export { contactSheet, isContactSheet } from './contact-sheet.js'
export { unavailable } from './failures.js'
export { nodeFiles } from './files.js'
export { modelFingerprint } from './fingerprint.js'
export { modelFolder, nodeHost, nodeHostFiles } from './host.js'
export { type MakeCheckpointOptions, makeCheckpoint, makePipeline } from './make-checkpoint.js'
export { pictureTools } from './picture-tools.js'
export {
  type HeatMap,
  type HeatMapCell,
  heatMap,
  plotSvg,
  scatterPlot,
} from './plot.js'
export { keepProfile, keptProfile, readProfile } from './profiles.js'
export { decodeImage, defaultMaximumPixels, measureImage, type ReadOptions, readImage } from './read-image.js'
export {
  checkWritable,
  type WriteOptions,
  writeFileAtomically,
  writeFilesAtomically,
  writeNewFile,
} from './write.js'
export { encodePng, type Picture, quantize, writeImage } from './write-image.js'
