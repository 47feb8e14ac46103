import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** In a process of their own: they replace modules or the environment for all of it, or measure its memory. */
const alone = [
  'src/runtimes/onnxruntime-node/placement.test.ts',
  'src/node/clips.test.ts',
  'test/mutated-{folders,onnx}.test.ts',
]

/** Kinds of tests. `npx vitest run --project <name>` runs one kind alone. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  // Beside the sources, and what holds the house together.
  unit: ['{src,apps,training,measurements}/**/*.test.ts', 'test/{operators,structure}/**/*.test.ts'],
  // What every method of a kind must pass.
  laws: ['test/laws/**/*.test.ts'],
  // Whole networks, against other implementations.
  models: ['test/*.test.ts'],
  // The command line and the package, as people use them.
  cli: ['test/cli/**/*.test.ts'],
}

const project = (name: string, include: readonly string[]) => ({
  extends: true as const,
  test: { name, include: [...include], exclude: alone },
})

// A run of everything is one project: its workers evaluate the library once, and not once for each kind.
const isOfOneKind = process.argv.some((word) => word.startsWith('--project'))
const projects = isOfOneKind
  ? Object.entries(kinds).map(([name, include]) => project(name, include))
  : [project('all', Object.values(kinds).flat())]

export default defineConfig({
  resolve: {
    alias: [
      { find: /^undiffuse$/, replacement: here('src/index.ts') },
      { find: /^undiffuse\/(edit|graph|node|operations|watermark)$/, replacement: here('src/$1/index.ts') },
      { find: /^undiffuse\/onnxruntime-node$/, replacement: here('src/runtimes/onnxruntime-node/index.ts') },
    ],
  },
  test: {
    testTimeout: 180_000,
    hookTimeout: 60_000,
    // Each has a process for its networks beside it, which it waits for.
    maxWorkers: Math.min(8, Math.max(2, availableParallelism())),
    // Modules of the library are evaluated once for a worker: nothing in them changes.
    isolate: false,
    // Messages are those of an installed program, whatever started the tests.
    env: { npm_command: '' },
    projects: [...projects, { extends: true, test: { name: 'alone', include: alone, isolate: true } }],
  },
})
