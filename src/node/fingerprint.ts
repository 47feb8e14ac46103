/** Which model a folder of this machine holds. */
import { fingerprint } from '../checkpoints/fingerprint.js'
import { nodeFiles } from './files.js'

/**
 * 16 hexadecimal digits that are the same for a copy of a model's folder and others for another model: `fingerprint` of files
 * on this machine. Errors: `unavailable` for a folder or file that cannot be read.
 *
 * @example const model = await modelFingerprint('models/stable-diffusion-2-1')
 */
export const modelFingerprint = (folder: string): Promise<string> => fingerprint(nodeFiles, folder)
