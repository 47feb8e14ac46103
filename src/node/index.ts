/** What Node adds to the public surface: files, pictures and the runtime. */

export { listDevices, type OrtNodeOptions, ortNode, runtimeVersion } from '../runtimes/index.js'
export { nodeFiles } from './files.js'
export { type ReadPicture, readImage } from './read-image.js'
export { writeFileAtomically } from './write.js'
export { encodePng, writeImage } from './write-image.js'
