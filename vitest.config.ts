import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** A kind of test that runs alone with `npx vitest run --project <name>`. */
const project = (name: string, ...include: string[]) => ({ extends: true as const, test: { name, include } })

/** They replace modules or the environment for all files of their worker, so that they have one of their own. */
const replacing = ['src/runtimes/onnxruntime-node/placement.test.ts', 'src/node/clips.test.ts']

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
    projects: [
      // Beside the sources, and what holds the house together.
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{src,apps,training,measurements}/**/*.test.ts', 'test/{operators,structure}/**/*.test.ts'],
          exclude: replacing,
        },
      },
      { extends: true, test: { name: 'replacing', include: replacing, isolate: true } },
      // What every method of a kind must pass.
      project('laws', 'test/laws/**/*.test.ts'),
      // Whole networks, against other implementations.
      project('models', 'test/*.test.ts'),
      // The command line and the package, as people use them.
      project('cli', 'test/cli/**/*.test.ts'),
    ],
  },
})
