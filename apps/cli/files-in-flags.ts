/** Files whose text names settings as the command line does: reports and journals are read by people too. */
import type { FileContent, Host, OperationFields } from 'undiffuse/operations'
import { inFlags } from './setting-names.js'

/** The host, whose files of text are written so. */
export function withFlags(host: Host, fields: OperationFields): Host {
  const { files } = host
  const named = (content: FileContent) => (typeof content === 'string' ? inFlags(content, fields) : content)
  return {
    ...host,
    files: {
      ...files,
      write: (all, options) =>
        files.write(
          Array.from(all, ([path, content]) => [path, named(content)] as const),
          options,
        ),
      async grow(path, keptBytes) {
        const file = await files.grow(path, keptBytes)
        return { ...file, append: (text) => file.append(inFlags(text, fields)) }
      },
    },
  }
}
