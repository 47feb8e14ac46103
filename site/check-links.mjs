/** Every link of the built site leads to a file, and to a place in it where one is named. Exits with 1 where one does not. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = fileURLToPath(new URL('dist', import.meta.url))
const names = readdirSync(dist, { recursive: true }).map((name) => name.replaceAll('\\', '/'))
const files = new Set(names.filter((name) => statSync(join(dist, name)).isFile()))

/** The file behind an address, which may lack its ending. */
const fileOf = (path) => [path, `${path}.html`, posix.join(path, 'index.html')].find((name) => files.has(name))

const pages = new Map(
  [...files]
    .filter((name) => name.endsWith('.html'))
    .map((page) => {
      const text = readFileSync(join(dist, page), 'utf8')
      return [page, { text, places: new Set([...text.matchAll(/\s(?:id|name)="([^"]+)"/g)].map(([, id]) => id)) }]
    }),
)

function isThere(page, link) {
  const [address, place] = link.replaceAll('&amp;', '&').split('#')
  const path = decodeURI(address.replace(/[?].*$/, ''))
  const target =
    path === '' ? page : fileOf(path.startsWith('/') ? path.slice(1) : posix.join(posix.dirname(page), path))
  if (target === undefined) return false
  return !place || !pages.has(target) || pages.get(target).places.has(decodeURIComponent(place))
}

const broken = []
let count = 0
for (const [page, { text }] of pages) {
  for (const [, link] of text.matchAll(/\s(?:href|src)="([^"]+)"/g)) {
    if (/^(?:[a-z]+:|\/\/)/.test(link)) continue
    count++
    if (!isThere(page, link)) broken.push(`${page}: ${link}`)
  }
}
console.log(`${count} links on ${pages.size} pages, ${broken.length} broken`)
for (const one of broken) console.error(one)
process.exitCode = broken.length > 0 ? 1 : 0
