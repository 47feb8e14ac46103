/**
 * docs/schedulers.md, from the readers' own lists: which schedulers of diffusers are read, what they obey, what is harmless
 * and what is refused. `node scripts/scheduler-page.mjs` writes it (the project must be built); a test holds it to the sources.
 */
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
export const page = join(root, 'docs', 'schedulers.md')

const cell = (text) => `${text}`.replaceAll('|', '\\|')
const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`)

const shownDefault = (value) =>
  value === undefined ? 'none' : Array.isArray(value) && value.length === 0 ? 'an empty list' : `\`${value}\``

const introduction = `# Schedulers

Written from the readers' own lists by \`scripts/scheduler-page.mjs\`.

A folder's \`scheduler_config.json\` is read as diffusers 0.42 reads it: each class with its own fields, defaults, grid and
solver. The numbers are the same. Of 388 reference cases 353 come out within 1e-5, or 1e-4 where diffusers' own float32 moves its
numbers by more than 1e-6. The other 35 are refused by name. \`--solver scheduler\` samples with it. Most classes end at sigma = 0, and that step forgets the noise:
\`--solver scheduler:end=cleanest\` ends at the cleanest level that was trained, so that a run can be undone. \`generate\` with a
key, \`roundtrip\` and \`invert\` say so before any work is done.

Configurations are closed, as [those of all parts](folders.md). A field that its reader does not obey, and does not know to be harmless, is refused with its name
and value. Python's \`Infinity\`, \`-Infinity\` and \`NaN\` are read. Fields of another scheduler, which diffusers carries from file
to file, are ignored where the class ignores them. null is refused where it is not a value of the field.

Told times are cut to whole ones in some classes (DPM-Solver, UniPC, DEIS with exponential or beta sigmas). Whether the first
is 998 or 999 hangs on the last bit of torch's square root, which depends on the processor.`

const combinations = `## Combinations that are refused

| class | what | why |
| --- | --- | --- |
| all with three kinds of sigmas | two of \`use_karras_sigmas\`, \`use_exponential_sigmas\`, \`use_beta_sigmas\` | diffusers raises |
| DPM-Solver | \`algorithm_type\` sde-dpmsolver or sde-dpmsolver++ | it draws noise at every step |
| DPM-Solver | \`algorithm_type\` dpmsolver with \`final_sigmas_type\` zero, or with \`flow_prediction\` | diffusers raises |
| DPM-Solver, DEIS | \`use_dynamic_shifting\` with \`time_shift_type\` linear | diffusers raises |
| DPM-Solver, DEIS | \`use_flow_sigmas\` with another kind of sigmas | diffusers ends in NaN |
| DPM-Solver, single-step | \`thresholding\` with \`algorithm_type\` dpmsolver | diffusers reads another level than the step's |
| DPM-Solver, DEIS, UniPC | \`flow_prediction\` without \`use_flow_sigmas\`, \`v_prediction\` with it | the network is read by formulas of other levels |
| UniPC | \`final_sigmas_type\` zero with bh1, with \`predict_x0\` false, or with \`lower_order_final\` false | diffusers ends in NaN |
| DDIM | \`rescale_betas_zero_snr\` with \`epsilon\`, where the grid has the level without signal | diffusers ends in NaN |
| all | clipped estimates (\`clip_sample\`, \`thresholding\`): sampled, but not inverted | what is cut off is lost |`

/** The page, of `schedulerReference`. */
export function schedulerPage({ readClasses, unreadReasons, foreignFields }) {
  const classes = readClasses.flatMap((each) => {
    const fields = Object.entries(each.fields).map(([name, field]) => [
      `\`${name}\``,
      shownDefault(field.default),
      field.values,
    ])
    const foreign = Object.keys(foreignFields(each)).map((name) => `\`${name}\``)
    return [
      '',
      `### ${each.name}`,
      '',
      `Its solver is [${each.solver}](methods/${each.solver}.md).`,
      '',
      ...table(['obeyed', 'default', 'values'], fields),
      '',
      `Ignored, as the class ignores them: ${foreign.join(', ')}.`,
    ]
  })
  return [
    introduction,
    '',
    '## Classes',
    ...classes,
    '',
    '## Classes that are not reproduced',
    '',
    'What their files say of the network is read, so that it can be sampled by another solver. Their own is refused by name.',
    '',
    ...table(['class', 'why'], Object.entries(unreadReasons)),
    '',
    combinations,
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const load = (path) => import(pathToFileURL(join(root, 'dist', 'src', path)).href)
  const { schedulerReference } = await load('models/scheduler.js')
  await writeFile(page, schedulerPage(schedulerReference))
  console.log('docs/schedulers.md')
}
