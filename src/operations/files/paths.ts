/** Names of files as text; where files lie is the host's to know. */

/** The last name of a path, for messages and labels. */
export const lastName = (path: string): string => path.split(/[\\/]/).findLast((part) => part !== '') ?? path

/** `.png` of `a.b.png`; nothing of a name without an ending. */
export function endingOf(path: string): string {
  const name = lastName(path)
  const dot = name.lastIndexOf('.')
  return dot > 0 ? name.slice(dot) : ''
}

/** What pictures end in that can be read. */
const pictureEnding = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i

/** Whether a name is that of a picture, by its ending. */
export const isPictureFile = (path: string): boolean => pictureEnding.test(path)

/** What tells a file by its name: `a.gif` is one, `balls` and `run.v2` are folders. */
const fileEnding =
  /\.(png|jpe?g|webp|gif|tiff?|avif|bmp|heic|svg|pdf|mp4|mov|mkv|webm|avi|safetensors|np[yz]|pth?|ckpt|bin|gguf|onnx|jsonl?|csv|txt|md|html?|zip|tar|gz)$/i

/** Whether a name is a file's, by its ending; with a slash behind it, it is a folder's. */
export const isFileName = (path: string): boolean => fileEnding.test(path)

/** Characters that are at home in every file system. */
export const asFileName = (text: string): string => text.replace(/[^\w.+-]+/g, '-')

export const withoutEnding = (path: string): string => path.slice(0, path.length - endingOf(path).length)
