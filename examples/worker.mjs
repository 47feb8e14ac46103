// Networks run in a process of their own anyway. A worker keeps the arithmetic around them off your main thread, too.
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { ddim, generate, invert, openDiffusionModel } from 'undiffuse'
import { bundledFile, nodeFiles, ortNode } from 'undiffuse/node'

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url))
  const answered = new Promise((resolve) => worker.once('message', resolve))
  worker.postMessage({ prompt: 'a large red ball on the left, on blue stripes', seed: 14 })
  let beats = 0
  const beating = setInterval(() => beats++, 10)
  console.log(await answered)
  clearInterval(beating)
  console.log(`meanwhile the main thread was free ${beats} times`)
} else {
  parentPort?.once('message', async ({ prompt, seed }) => {
    const runtime = ortNode()
    const model = await openDiffusionModel(nodeFiles, bundledFile('models', 'undiffuse-scenes'), runtime)
    const how = { model, prompt, guidance: 1, solver: ddim({ steps: 10, spacing: 'lambda' }) }
    const { latent } = await generate({ ...how, seed })
    const { noise, exact } = await invert({ latent }, how)
    await runtime.close()
    // Tensors are shapes and numbers: they may be posted.
    parentPort?.postMessage({ exact, shape: noise.shape, first: noise.data[0] })
  })
}
