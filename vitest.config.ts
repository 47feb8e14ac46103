import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^undiffuse$/, replacement: here('src/index.ts') },
      { find: /^undiffuse\/(edit|graph|node|watermark)$/, replacement: here('src/$1/index.ts') },
      { find: /^undiffuse\/onnxruntime-node$/, replacement: here('src/runtimes/onnxruntime-node/index.ts') },
    ],
  },
  test: {
    include: ['{src,apps,training,measurements,test}/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
