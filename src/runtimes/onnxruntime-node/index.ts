/**
 * What runs graphs in Node.
 *
 * @module undiffuse/onnxruntime-node
 */
export { type DeviceReport, listDevices, runtimeVersion } from './devices.js'
export { type OrtNodeOptions, ortNode } from './ort-node.js'
