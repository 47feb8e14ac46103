// Runs command lines one after another in one process, which loads the library once: see command-line.ts.
const entry = process.argv[2]
const home = process.cwd()
const written = { stdout: '', stderr: '' }
for (const name of ['stdout', 'stderr']) {
  process[name].write = (chunk, ...more) => {
    written[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')
    const done = more.at(-1)
    if (typeof done === 'function') done()
    return true
  }
  process[name].setMaxListeners(0)
}
// Every command listens for the end of its process; this one outlives them.
process.setMaxListeners(0)

let runs = 0
process.on('message', async ({ words, folder, temporary }) => {
  written.stdout = ''
  written.stderr = ''
  process.argv = [process.execPath, entry, ...words]
  process.env.TMPDIR = temporary
  process.exitCode = undefined
  process.chdir(folder)
  try {
    await import(`${entry}?run=${++runs}`)
  } catch (error) {
    written.stderr += `${error?.stack ?? error}\n`
    process.exitCode = 1
  }
  const code = process.exitCode ?? 0
  process.exitCode = undefined
  process.chdir(home)
  process.send({ code, ...written })
})
process.on('disconnect', () => process.exit())
