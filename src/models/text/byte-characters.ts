/**
 * The printable characters that stand for the 256 bytes, in the order of OpenAI's byte-level BPE: the printable ones of
 * Latin-1 stand for themselves, the others are taken from 256 on.
 */
export function byteCharacters(): string[] {
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const printable = [...range(33, 126), ...range(161, 172), ...range(174, 255)]
  const others = range(0, 255).filter((byte) => !printable.includes(byte))
  return [...printable, ...others.map((_, i) => 256 + i)].map((code) => String.fromCodePoint(code))
}
