import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** A kind of test that runs alone with `npx vitest run --project <name>`. */
const project = (name: string, ...include: string[]) => ({ extends: true as const, test: { name, include } })

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
    maxWorkers: 2,
    projects: [
      // Beside the sources, and what holds the house together.
      project('unit', '{src,apps,training,measurements}/**/*.test.ts', 'test/{operators,structure}/**/*.test.ts'),
      // What every method of a kind must pass.
      project('laws', 'test/laws/**/*.test.ts'),
      // Whole networks, against other implementations.
      project('models', 'test/*.test.ts'),
      // The command line and the package, as people use them.
      project('cli', 'test/cli/**/*.test.ts'),
    ],
  },
})
