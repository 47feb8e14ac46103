/** What `edit` does: reads a picture and a mask, edits, locks and checks the background, writes and reports. */
import { basename, dirname, extname, join } from 'node:path'
import {
  decoderInverters,
  type Edit,
  type EditMethod,
  edit,
  edits,
  expected,
  type Fit,
  formatShape,
  type Likeness,
  likenessOutside,
  lockBackground,
  map,
  type OpenDiffusionModel,
  parse,
  round8,
  sameShape,
  type Tensor,
  tensor,
} from 'undiffuse'
import { decodeImage, encodePng, readImage, writeFilesAtomically } from 'undiffuse/node'
import { follow, type NetworkOptions, now, withModel } from './diffusion.js'
import { editReport, editSheet, sayEdit } from './edit-report.js'
import { prepareOutputs } from './outputs.js'
import { fitPicture, type NamedPicture, readPictures } from './pictures.js'
import { type Recipe, samplingOf } from './recipe.js'
import type { Terminal } from './terminal.js'
import type { Timed } from './words.js'

export interface EditRequest extends NetworkOptions, Recipe {
  readonly picture: string
  readonly from: string
  readonly to: string
  readonly method: string
  readonly mask?: string
  readonly lockBackground: boolean
  readonly backgroundBound?: number
  readonly feather?: number
  readonly decoder: string
  readonly fit: Fit
  readonly output: string
  readonly saveMask?: string
}

export interface EditOutputs {
  readonly picture: string
  readonly sheet: string
  readonly report: string
  readonly mask?: string
}

/** Everything that the report says. */
export interface FinishedEdit extends Timed {
  readonly request: EditRequest
  readonly model: string
  readonly notes: readonly string[]
  readonly edited: Edit
  /** In the size of the picture that was given: it, the mask, and what is written, all in 8 bits. */
  readonly source: Tensor
  readonly mask?: Tensor
  /** What reading the mask changed, and what is odd about it, as sentences for people. */
  readonly maskNotes: readonly string[]
  readonly written: Tensor
  /** Outside the mask, before the lock and in the bytes that are written. */
  readonly before?: Likeness
  readonly after?: Likeness
  readonly outputs: EditOutputs
}

function outputsOf({ output, saveMask }: EditRequest): EditOutputs {
  for (const [flag, path] of Object.entries({ '--output': output, '--save-mask': saveMask ?? output })) {
    if (extname(path).toLowerCase() === '.png') continue
    throw expected('bad-option', 'a name that ends in .png', `\`${flag}\``, `\`${path}\``, 'Change the name.')
  }
  const beside = join(dirname(output), basename(output, extname(output)))
  return {
    picture: output,
    sheet: `${beside}.sheet.png`,
    report: `${beside}.report.json`,
    ...(saveMask !== undefined && { mask: saveMask }),
  }
}

/** Says before any work what makes no sense together. */
function checkLock(
  { lockBackground: locks, backgroundBound, feather, mask, saveMask }: EditRequest,
  method: EditMethod,
) {
  const flag = backgroundBound !== undefined ? '--background-bound' : feather !== undefined ? '--feather' : undefined
  if (!locks && flag) {
    throw expected('bad-option', '`--lock-background`', `\`${flag}\``, 'none', 'It says how the background is locked.')
  }
  if ((!locks && saveMask === undefined) || mask !== undefined || method.findsMask) return
  const asked = locks ? '--lock-background' : '--save-mask'
  const remedy = 'Pass `--mask`, or take `exact-blending`, which finds one.'
  throw expected('bad-option', 'a mask', `\`${asked}\``, `\`${method.name}\` without one`, remedy)
}

interface NotedMask {
  readonly mask: Tensor
  readonly notes: readonly string[]
}

/** White is 1; what is transparent is not painted, and outside. The mask is fitted as the picture is. */
async function readMask(path: string, picture: NamedPicture, multiple: number, fit: Fit): Promise<NotedMask> {
  const { image, notes } = await readImage(path, { background: 'black' })
  if (!sameShape(image.shape, picture.image.shape)) {
    const [wanted, got] = [picture.image, image].map(({ shape }) => formatShape(shape.slice(1)))
    throw expected(
      'bad-shape',
      `a mask of ${wanted}`,
      `\`${basename(path)}\``,
      got!,
      'Draw it over the picture itself.',
    )
  }
  const { shape, data } = fitPicture({ path, image, notes }, multiple, fit).image
  const [, height, width] = shape as [number, number, number]
  const area = height * width
  const grey = (i: number) => (data[i]! + data[i + area]! + data[i + 2 * area]!) / 6 + 0.5
  const inside = Float64Array.from({ length: area }, (_, i) => (grey(i) > 0.5 ? 1 : 0))
  return { mask: tensor([1, height, width], inside), notes }
}

/** A mask of everything leaves no background to lock. */
function checkOutside({ data }: Tensor): void {
  if (data.includes(0)) return
  const remedy = 'Draw what is to be kept in black, or leave the lock out.'
  throw expected('bad-option', 'a mask with a black part', '`--lock-background`', 'one without', remedy)
}

/** What is odd about the mask that was used, found or given and grown. */
function oddities({ data }: Tensor, locks: boolean): readonly string[] {
  if (!data.includes(1)) return ['Nothing to change was found: what is written shows the source. Pass `--mask`.']
  return locks && !data.includes(0) ? ['It covers the whole picture: `--lock-background` keeps nothing.'] : []
}

/**
 * What a file holds, decoded again, against the source outside the mask. Throws `runtime-failed` where an 8-bit value is
 * further from the source's than the bound.
 */
export async function checkedBackground(
  png: Uint8Array,
  source: Tensor,
  mask: Tensor,
  boundLevels: number,
): Promise<Likeness | undefined> {
  const { image } = await decodeImage(png, 'the edited picture')
  const outside = likenessOutside(mask, image, source)
  if (!outside || outside.largestLevels <= boundLevels) return outside
  throw expected(
    'runtime-failed',
    `pixels within ${boundLevels} levels of the source outside the mask`,
    '`--lock-background`',
    `a difference of ${outside.largestLevels}`,
    'This is a defect; nothing was written. Please report it with the picture.',
  )
}

async function edited(
  io: Terminal,
  model: OpenDiffusionModel,
  picture: NamedPicture,
  method: EditMethod,
  request: EditRequest,
): Promise<Pick<FinishedEdit, 'edited' | 'source' | 'mask' | 'maskNotes' | 'written' | 'before'>> {
  const { from, to, fit, mask: maskPath } = request
  const fitted = fitPicture(picture, model.layout.multiple, fit)
  const given = maskPath === undefined ? undefined : await readMask(maskPath, picture, model.layout.multiple, fit)
  if (given && request.lockBackground) checkOutside(given.mask)
  const { negativePrompt, guidance, solver } = samplingOf({ ...request, prompt: from }, model)
  const shared = {
    model,
    from,
    to,
    negativePrompt,
    guidance,
    solver,
    method,
    mask: given?.mask,
    signal: io.signal,
    now,
  }
  const result = await follow(
    io,
    edit({ image: fitted.image }, { ...shared, decoder: parse(decoderInverters, request.decoder) }),
  )
  const shown = round8(fitted.restore(result.image))
  // What `crop` has cut off is not there to compare with.
  const whole = sameShape(shown.shape, picture.image.shape) ? picture.image : fitted.image
  const source = round8(whole)
  const kept = result.mask && map(fitted.restore(result.mask), (value) => (value > 0.5 ? 1 : 0))
  const before = kept && likenessOutside(kept, shown, source)
  const { backgroundBound: boundLevels, feather: featherPixels } = request
  const written =
    request.lockBackground && kept
      ? lockBackground(shown, source, kept, {
          ...(boundLevels !== undefined && { boundLevels }),
          ...(featherPixels !== undefined && { featherPixels }),
        })
      : shown
  const maskNotes = [...(given?.notes ?? []), ...(kept ? oddities(kept, request.lockBackground) : [])]
  return { edited: result, source, written, maskNotes, ...(kept && { mask: kept }), ...(before && { before }) }
}

/** Reads, edits, checks, writes and reports. Fails before the networks run where it can be known to fail. */
export async function editPicture(io: Terminal, request: EditRequest): Promise<void> {
  const method = parse(edits, request.method)
  parse(decoderInverters, request.decoder)
  checkLock(request, method)
  const outputs = outputsOf(request)
  const [picture] = (await readPictures([request.picture], io)) as [NamedPicture]
  const { picture: edit, mask: saved, ...beside } = outputs
  const inputs = { 'the picture': request.picture, '--mask': request.mask }
  await prepareOutputs({ '--output': edit, '--save-mask': saved, ...beside }, inputs)

  const done = await withModel(request, request, async (model, cost) => {
    const begin = now()
    const found = await edited(io, model, picture, method, request)
    const seconds = now() - begin
    return { ...found, request, model: model.name, notes: picture.notes, outputs, seconds, cost: await cost() }
  })
  const { source, mask, written } = done
  const png = await encodePng(written)
  const bound = request.lockBackground ? (request.backgroundBound ?? 0) : Number.POSITIVE_INFINITY
  const after = mask && (await checkedBackground(png, source, mask, bound))
  const finished: FinishedEdit = { ...done, ...(after && { after }) }
  const report = editReport(finished)
  await writeFilesAtomically([
    [outputs.picture, png],
    [outputs.sheet, await editSheet(finished)],
    [outputs.report, `${JSON.stringify(report, undefined, 2)}\n`],
    ...(outputs.mask === undefined || !mask
      ? []
      : [[outputs.mask, await encodePng(map(mask, (value) => 2 * value - 1))] as const]),
  ])
  io.clear()
  sayEdit(io, finished)
  io.result(report)
}
