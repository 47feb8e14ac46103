import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^undiffuse$/, replacement: here('src/index.ts') },
      { find: /^undiffuse\/node$/, replacement: here('src/node/index.ts') },
      { find: /^undiffuse\/operations$/, replacement: here('src/operations/index.ts') },
    ],
  },
  test: {
    include: ['{src,apps,training,measurements,test}/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
