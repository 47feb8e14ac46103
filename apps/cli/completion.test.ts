/** Completion is tried in the shells that are here. */
import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { completionFor } from './completion.js'
import { programFor } from './program.js'

const program = await programFor('all')
const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0

const cases: readonly (readonly [words: readonly string[], some: readonly string[], none: readonly string[]])[] = [
  [['gen'], ['generate'], ['invert']],
  [['watermark', 'd'], ['detect'], ['generate']],
  [['generate', '--gui'], ['--guidance'], ['--mask']],
  [['watermark', 'detect', '--k'], ['--key'], ['--seed']],
  [['invert', 'a.png', '--precision', ''], ['16', '32', '64'], ['--precision']],
  [['compare', 'a.png', '--solvers', 'dd'], ['ddim'], ['--solvers']],
  [['help', 'sol'], ['solvers'], []],
  [['completion', ''], ['bash', 'zsh', 'fish'], []],
  [['edit', 'a.png', '--no-'], ['--no-recipe', '--no-lock-background'], []],
]

describe.runIf(has('bash'))('bash', () => {
  const script = completionFor('bash', program)
  it.each(cases)('%j', (words, some, none) => {
    const typed = ['undiffuse', ...words].map((word) => `'${word}'`).join(' ')
    const ask = `COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _undiffuse; echo "\${COMPREPLY[@]}"`
    const answers = execFileSync('bash', ['-c', `${script}\n${ask}`], { encoding: 'utf8' })
      .trim()
      .split(' ')
    for (const word of some) expect(answers).toContain(word)
    for (const word of none) expect(answers).not.toContain(word)
  })
})

it.runIf(has('zsh'))('zsh reads its script', () => {
  expect(spawnSync('zsh', ['-n'], { input: completionFor('zsh', program) }).status).toBe(0)
})

it.runIf(has('fish'))('fish reads its script', () => {
  expect(spawnSync('fish', ['-n'], { input: completionFor('fish', program) }).status).toBe(0)
})

it('names every command and option in each shell', () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const script = completionFor(shell, program)
    const prefix = shell === 'fish' ? '-l ' : '--'
    for (const word of ['lock-background', 'no-recipe', 'refine', 'exit-code']) expect(script).toContain(prefix + word)
    for (const word of ['calibrate', 'compare', 'gaussian-shading']) expect(script).toContain(word)
  }
})
