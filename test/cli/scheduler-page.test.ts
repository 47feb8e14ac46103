/** docs/schedulers.md is what the readers say: `npm run docs` writes it. */
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { page, schedulerPage } from '../../scripts/scheduler-page.mjs'
import { schedulerClasses, schedulerReference } from '../../src/models/scheduler.js'

const text = await readFile(page, 'utf8')

it('says what the readers say', () => {
  expect(text, 'Run `npm run docs`.').toBe(schedulerPage(schedulerReference))
})

it('names every class, and every field that one obeys', () => {
  for (const name of schedulerClasses) expect(text).toContain(name)
  for (const { fields } of schedulerReference.readClasses) {
    for (const name of Object.keys(fields)) expect(text).toContain(`| \`${name}\` |`)
  }
})
