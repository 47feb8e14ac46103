/** What the first bytes of a file say that it is. Nothing is decoded. */

/** As much of a file as its nature is told by. */
const startBytes = 512

/** The formats that are read, for people. */
export const readFormats = 'a PNG, JPEG, WebP, GIF, TIFF or AVIF picture'

/** First bytes of the formats that are read, in hexadecimal digits; those of AVIF are below. */
const read = /^(89504e470d0a1a0a|ffd8ff|52494646.{8}57454250|474946383[79]61|49492[ab]00|4d4d002[ab])/

/** Of pictures and clips that others read. SVG and PDF are programs more than pictures. */
const others: readonly (readonly [start: RegExp, name: string])[] = [
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

/** AV1 is decoded here; HEVC, which telephones save in the same container, is not. */
const readBrands = ['avif', 'avis']
const heicBrand = /^(hei[cxmsd]|hev[cxms]|mif[12]|msf1|miaf)$/

/** The brands of a file in the container that AVIF, HEIC, cameras' raw pictures and clips share. */
function brandsOf(bytes: Buffer): readonly string[] {
  const start = bytes.toString('latin1', 0, startBytes)
  if (start.slice(4, 8) !== 'ftyp') return []
  const compatible = start.slice(16, bytes.readUInt32BE(0)).match(/.{4}/gs) ?? []
  return [start.slice(8, 12), ...compatible]
}

/** What a file is that is not read here, for people; undefined for the formats that are read. */
export function natureOf(bytes: Buffer): { readonly name: string; readonly isPicture: boolean } | undefined {
  if (bytes.length === 0) return { name: 'an empty file', isPicture: false }
  const digits = bytes.toString('hex', 0, 32)
  const brands = brandsOf(bytes)
  if (read.test(digits) || brands.some((brand) => readBrands.includes(brand))) return undefined
  const name = others.find(([start]) => start.test(digits))?.[1] ?? natureOfBrand(brands[0])
  return name === undefined ? { name: otherNature(bytes), isPicture: false } : { name, isPicture: true }
}

function natureOfBrand(brand: string | undefined): string | undefined {
  if (brand === undefined) return undefined
  if (heicBrand.test(brand)) return 'a HEIC picture'
  return brand === 'crx ' ? "a camera's raw picture" : 'a clip'
}

/** What a file seems to be where it is not a picture. */
function otherNature(bytes: Buffer): string {
  const start = bytes.subarray(0, 200).toString('utf8')
  if (/^\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg/s.test(start)) return 'an SVG drawing'
  const isText = /^[\t\n\r\x20-\x7e\u00a0-\ufffc]*$/.test(start.slice(0, -1))
  return isText ? `text that starts with ${JSON.stringify(start.slice(0, 24))}` : 'bytes of another kind'
}
