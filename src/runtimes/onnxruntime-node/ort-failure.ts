/** ONNX Runtime's error messages as a person reads them. */

/** Where in its own source it noticed: a path, a line and the signature of a C++ function. */
const sourceLocation = /\/onnxruntime_src\/\S+:\d+ .*?\)(?:::<lambda\([^)]*\)>)? /g

/**
 * The first line of what ONNX Runtime says, without the place in its source and the assertion that failed there.
 *
 * @example
 * ortFailure(new Error('… Failed to get a WebGPU adapter: No supported adapters\n'))
 */
export function ortFailure({ message }: Error): string {
  const line = message.trim().split('\n')[0] ?? ''
  const said = line.replace(sourceLocation, '')
  return said.split(' was false. ').at(-1) ?? said
}
