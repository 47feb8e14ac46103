/** Imports go down only: the table of floors against the imports of every source file. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { methodFolders, type Room, rooms, sharedParts } from './floors.js'
import { circles, root, type SourceFile, sourceFiles } from './imports.js'

const files = await sourceFiles(['src', 'apps', 'measurements', 'training'])

const liesIn = (path: string, place: string): boolean => path === place || path.startsWith(`${place}/`)

const roomOf = (path: string): Room | undefined =>
  rooms.filter((room) => liesIn(path, room.path)).sort((a, b) => b.path.length - a.path.length)[0]

const isOf = (name: string, allowed: string): boolean =>
  allowed.endsWith(':') ? name.startsWith(allowed) : liesIn(name, allowed)

/** Imports of a file that a rule refuses, as `from → to`. */
const refused = (rule: (from: SourceFile, to: string) => boolean): readonly string[] =>
  files.flatMap((from) => from.files.filter((to) => !rule(from, to)).map((to) => `${from.path} → ${to}`))

it('reads every file and every import', () => {
  expect(files.length).toBeGreaterThan(400)
  const paths = new Set(files.map(({ path }) => path))
  expect(refused((_, to) => paths.has(to))).toEqual([])
})

describe('the table of floors', () => {
  it('is in order, and each room imports rooms above it in the table', () => {
    const order = rooms.map(({ path }) => path)
    expect(new Set(order).size).toBe(order.length)
    rooms.forEach(({ path, floor, imports }, i) => {
      if (i > 0) expect(floor, path).toBeGreaterThanOrEqual(rooms[i - 1]!.floor)
      for (const other of imports) expect(order.slice(0, i), path).toContain(other)
    })
  })

  it('has a room for every file', () => {
    expect(files.flatMap(({ path }) => (roomOf(path) ? [] : [path]))).toEqual([])
  })

  it('holds for files', () => {
    const found = refused((from, to) => {
      const [room, other] = [roomOf(from.path), roomOf(to)]
      return room !== undefined && other !== undefined && (room === other || room.imports.includes(other.path))
    })
    expect(found).toEqual([])
  })

  it('holds for packages', () => {
    const found = files.flatMap(({ path, packages }) => {
      const allowed = roomOf(path)?.packages ?? []
      return packages.filter((name) => !allowed.some((one) => isOf(name, one))).map((name) => `${path} → ${name}`)
    })
    expect(found).toEqual([])
  })
})

it('the table names the dependencies of the package, and no others', async () => {
  const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const named = rooms.flatMap(({ packages = [] }) => packages).filter((name) => !['node:', 'undiffuse'].includes(name))
  expect([...new Set(named)].sort()).toEqual(Object.keys(dependencies).sort())
})

describe('methods', () => {
  it('may use another method by its own file, but no parts of others', () => {
    const found = refused((from, to) => {
      const [folder] = to.split('/parts/')
      return folder === to || liesIn(from.path, folder!) || sharedParts.includes(to)
    })
    expect(found).toEqual([])
  })

  it('stand above the parts that they share', () => {
    const isMethod = (path: string) => methodFolders.some((folder) => path.slice(0, path.lastIndexOf('/')) === folder)
    const found = refused((from, to) => {
      const [folder] = from.path.split('/parts/')
      return folder === from.path || !liesIn(to, folder!) || !isMethod(to)
    })
    expect(found).toEqual([])
  })

  it('share no more parts than others use', () => {
    const unused = sharedParts.filter((part) => {
      const [folder] = part.split('/parts/')
      return !files.some(({ path, files }) => !liesIn(path, folder!) && files.includes(part))
    })
    expect(unused).toEqual([])
  })
})

describe('circles', () => {
  it('are none, types included', () => {
    const found = circles(files).map((circle) => circle.join(' '))
    expect(found).toEqual([])
  })

  it('are found where they are', () => {
    const file = (path: string, ...files: string[]): SourceFile => ({ path, files, packages: [] })
    expect(circles([file('a', 'b'), file('b', 'c'), file('c')])).toEqual([])
    expect(circles([file('a', 'b'), file('b', 'c'), file('c', 'b')])).toEqual([['b', 'c']])
    expect(circles([file('a', 'a')])).toEqual([['a']])
    expect(circles([file('a', 'b', 'c'), file('b', 'a'), file('c', 'd'), file('d', 'c')])).toEqual([
      ['c', 'd'],
      ['a', 'b'],
    ])
  })
})
