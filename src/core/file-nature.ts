/** What the first bytes of a file say that it is. Nothing is decoded, and no ending is believed. */

/** As much of a file as its nature is told by. */
export const natureBytes = 512

export interface FileNature {
  /** For people: `a PNG picture`. */
  readonly name: string
  /** What is to be seen: a picture, a drawing, a clip. */
  readonly isPicture: boolean
  /** What to do with it where another format was expected. */
  readonly remedy: string
}

/** First bytes of a format, in hexadecimal digits, and its name. */
type Start = readonly [start: RegExp, name: string]

/** Of pictures that are read here; those of AVIF are below. */
const readPictures: readonly Start[] = [
  [/^89504e470d0a1a0a/, 'a PNG picture'],
  [/^ffd8ff/, 'a JPEG picture'],
  [/^52494646.{8}57454250/, 'a WebP picture'],
  [/^474946383[79]61/, 'a GIF picture'],
  [/^(49492[ab]00|4d4d002[ab])/, 'a TIFF picture'],
]

/** Of pictures and clips that others read. PDF is a program more than a picture. */
const otherPictures: readonly Start[] = [
  [/^424d.{8}00000000/, 'a BMP picture'],
  [/^(ff0a|0000000c4a584c200d0a870a)/, 'a JPEG XL picture'],
  [/^(ff4fff51|0000000c6a5020200d0a870a)/, 'a JPEG 2000 picture'],
  [/^38425053/, 'a Photoshop picture (PSD)'],
  [/^67696d7020786366/, 'a GIMP picture (XCF)'],
  // A count of pictures follows; a TGA has zeros there, where its map of colours would be.
  [/^0000(01|02)00(?!0000)(?!66747970)/, 'an icon (ICO)'],
  [/^..00(02|03|0a|0b)0000000000.{16}(08|10|18|20)/, 'a TGA picture'],
  [/^762f3101/, 'an OpenEXR picture'],
  [/^233f(52414449414e4345|52474245)/, 'a Radiance picture (HDR)'],
  [/^716f6966/, 'a QOI picture'],
  [/^44445320/, 'a DirectDraw texture (DDS)'],
  [/^503[1-7](0[9ad]|20|23)/, 'a Netpbm picture'],
  [/^255044462d/, 'a PDF document'],
  [/^1a45dfa3/, 'a clip (Matroska or WebM)'],
  [/^52494646.{8}41564920/, 'a clip (AVI)'],
]

const pictureRemedy = 'Invert the picture first: its latent and its noise are what such a file holds.'

/** What to do with weights that run code when they are opened. */
export const pickleRemedy =
  'Pickle files can run code and are never opened: convert with `save_pretrained(..., safe_serialization=True)`, or fetch the .safetensors variant.'

const [unpack, pickle, archive] = ['Unpack it first.', 'a pickle file, as PyTorch writes,', 'an archive']

/** Of files of numbers and what they come in. Its own remedy stands beside each. */
const others: readonly (readonly [...start: Start, remedy: string])[] = [
  [/^934e554d5059/, 'a .npy file', 'Read it with `readNpy`, or let its name end in .npy.'],
  // A length below 2⁴⁰, then JSON.
  [/^.{10}0000007b/, 'a safetensors file', 'Read it with `readTensors`, or let its name end in .safetensors.'],
  [/^47475546/, 'a GGUF file', 'It holds the weights of a transformer: docs/folders.md says where it has to lie.'],
  // Of a zip the first entry is named from byte 30 on: `archive/data.pkl` or `x.npy`.
  [/^504b0304.{52}(..)*?2f646174612e706b6c/, pickle, pickleRemedy],
  [/^504b0304.{52}(..)*?2e6e7079/, 'an .npz file', 'Save one of its arrays with numpy.save.'],
  [/^800[2-5]/, pickle, pickleRemedy],
  [/^894844460d0a1a0a/, 'an HDF5 file', 'Save its numbers with numpy.save or as .safetensors.'],
  [/^(504b0304|1f8b08|377abcaf271c|425a68|fd377a585a00|28b52ffd|52617221)/, archive, unpack],
]

/** AV1 is decoded here; HEVC, which telephones save in the same container, is not. */
const readBrands = ['avif', 'avis']
const heicBrand = /^(hei[cxmsd]|hev[cxms]|mif[12]|msf1|miaf)$/

const letters = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, natureBytes))

/** The brands of a file in the container that AVIF, HEIC, cameras' raw pictures and clips share. */
function brandsOf(bytes: Uint8Array): readonly string[] {
  const start = letters(bytes)
  if (start.slice(4, 8) !== 'ftyp') return []
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  return [start.slice(8, 12), ...(start.slice(16, length).match(/.{4}/gs) ?? [])]
}

function pictureOfBrands(brands: readonly string[]): string | undefined {
  const [brand] = brands
  if (brand === undefined) return undefined
  if (brands.some((one) => readBrands.includes(one))) return 'an AVIF picture'
  if (heicBrand.test(brand)) return 'a HEIC picture'
  return brand === 'crx ' ? "a camera's raw picture" : 'a clip'
}

const isDrawing = (bytes: Uint8Array): boolean =>
  /^\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg/s.test(letters(bytes).slice(0, 200))

/** Whether a picture is of a format that is read here. */
export function isReadPicture(bytes: Uint8Array): boolean {
  const digits = digitsOf(bytes)
  return readPictures.some(([start]) => start.test(digits)) || brandsOf(bytes).some((one) => readBrands.includes(one))
}

const digitsOf = (bytes: Uint8Array): string =>
  Array.from(bytes.subarray(0, 128), (byte) => byte.toString(16).padStart(2, '0')).join('')

/**
 * What a file is, from its first bytes; undefined of text and of bytes that are nobody's here.
 *
 * @example fileNature(Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59))?.name // 'a .npy file'
 */
export function fileNature(bytes: Uint8Array): FileNature | undefined {
  const digits = digitsOf(bytes)
  const [, name, remedy] = others.find(([start]) => start.test(digits)) ?? []
  if (name !== undefined) return { name, isPicture: false, remedy: remedy! }
  const picture =
    [...readPictures, ...otherPictures].find(([start]) => start.test(digits))?.[1] ??
    pictureOfBrands(brandsOf(bytes)) ??
    (isDrawing(bytes) ? 'an SVG drawing' : undefined)
  return picture === undefined ? undefined : { name: picture, isPicture: true, remedy: pictureRemedy }
}
