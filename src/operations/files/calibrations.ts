/** Calibrations as files: the noise of unmarked pictures, and how it was recovered. Read as untrusted. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { fileSize } from '../../checkpoints/files.js'
import { expected, isUndiffuseError } from '../../core/errors.js'
import { formatShape, isFinite as isFiniteTensor, type Shape, sameShape, type Tensor } from '../../math/tensor.js'
import type { Layout } from '../../model/layout.js'
import type { Fit } from '../../pictures/fit.js'
import type { WatermarkKey } from '../../watermark/key.js'
import type { Calibration } from '../../watermark/reading/calibration.js'
import type { HostFiles } from '../host.js'
import { fitField } from '../recipes/networks.js'
import { recipeOf } from '../recipes/recipe.js'
import type { RememberedRecovery } from '../recipes/recovery.js'
import type { RunSettings } from '../runs/journal.js'
import { lastName } from './paths.js'
import { readTensorFile, tensorFile } from './tensor-files.js'

const kind = 'undiffuse-watermark-calibration'
const fits: readonly string[] = fitField.choices

/** A calibration as it was read. */
export interface FiledCalibration extends Calibration, RememberedRecovery {
  /** Mean correlation between noise that pictures were made from and what was recovered of it; of generated ones. */
  readonly correlation?: number
  readonly hash: string
}

/** The bytes of a calibration: pictures × the axes of a latent. */
export const calibrationFile = (
  path: string,
  noises: readonly Tensor[],
  layout: Pick<Layout, 'axes'>,
  settings: RunSettings,
  correlation: number | undefined,
): Uint8Array[] =>
  tensorFile(
    path,
    { noise: noises },
    {
      layout,
      metadata: {
        kind,
        ...settings,
        pictures: `${noises.length}`,
        ...(correlation !== undefined && { correlation: `${correlation}` }),
      },
      dtype: 'float32',
    },
  )

const ours: readonly string[] = ['axes', 'kind', 'pictures', 'correlation']

/**
 * Reads a calibration. Throws as `readTensorFile` does, `bad-option` for a file of another kind and for one that does not say
 * how it was made, `not-finite` for infinite numbers and NaN.
 */
export async function readCalibration(files: HostFiles, path: string): Promise<FiledCalibration> {
  await fileSize(files, path).catch((error: unknown) => {
    if (!isUndiffuseError(error)) throw error
    const { code, subject, got, remedy } = error
    throw expected(code, 'a calibration', subject, got, remedy, { cause: error, hint: 'calibrate' })
  })
  const { tensors, metadata } = await readTensorFile(files, path, 'noise')
  const bad = (what: string, got: string) =>
    expected('bad-option', what, `\`${lastName(path)}\``, got, 'Make one with `watermark calibrate`.')
  if (metadata.kind !== kind) throw bad('a calibration', 'a file of another kind')
  const { decoder, inverter, fit, modelFiles } = metadata
  if (decoder === undefined || inverter === undefined || fit === undefined || !fits.includes(fit)) {
    throw bad('a calibration that says how it was made', 'one without')
  }
  // Noise of other weights is other noise: one that does not say cannot be told from one of weights since replaced.
  if (modelFiles === undefined) throw bad('a calibration that names its weights', 'one without')
  if (!tensors.every(isFiniteTensor)) {
    const remedy = 'The file is damaged: make it again.'
    throw expected('not-finite', 'finite numbers', `\`${lastName(path)}\``, 'NaN or infinity', remedy)
  }
  const correlation = Number(metadata.correlation)
  return {
    file: path,
    noises: tensors,
    recipe: recipeOf(metadata),
    decoder,
    inverter,
    fit: fit as Fit,
    settings: Object.fromEntries(Object.entries(metadata).filter(([name]) => !ours.includes(name))),
    ...(correlation > 0 && correlation <= 1 && { correlation }),
    hash: bytesToHex(sha256(await files.read(path, 0, Number.POSITIVE_INFINITY))).slice(0, 16),
  }
}

/** Throws `bad-shape` where a calibration is of pictures of another size than a key's. */
export function checkCalibration({ file, noises }: FiledCalibration, { id, latentShape }: WatermarkKey): void {
  const shape: Shape = noises[0]!.shape
  if (sameShape(shape, latentShape)) return
  const what = `noise of ${formatShape(latentShape)}, as key ${id} marks,`
  const remedy = 'Make a calibration of pictures of this size.'
  throw expected('bad-shape', what, `\`${lastName(file)}\``, formatShape(shape), remedy)
}
