/** `edit`: reads a picture and a mask, edits, locks and checks the background, and writes. The methods are the library's. */
import type { Signal, Steps } from '../core/progress.js'
import { checkEditable } from '../edit/edit.js'
import { type Doubt, doubtsOfOrigin, doubtsOfWords } from './editing/doubts.js'
import { editOne } from './editing/edit-one.js'
import {
  checkChange,
  checkLock,
  checkOne,
  checkSource,
  checkWords,
  type EditSettings,
  fields,
  folderNote,
  outputsOf,
  solverOf,
} from './editing/fields.js'
import { asPicture, checkedBackground, ofMask, readMask } from './editing/masks.js'
import { type EditReport, losses, reportOf, sheetOf, textsOf } from './editing/reports.js'

import { strayed, unseen } from './editing/verdict.js'
import { jsonText, prepareOutputs } from './files/outputs.js'
import { checkPicture, largeNote, listPictures, measurePictures, readPicture } from './files/pictures.js'
import type { FileContent, Host, Note } from './host.js'
import { notedOf, operation, type Running, type Told } from './operation.js'
import { notesOnTexts, planOf } from './recipes/recipe.js'

export type { EditReport }

/** The same steps; their notes are kept. */
async function* keepingNotes<T>(steps: Steps<T, Told>, kept: Note[]): Steps<T, Told> {
  try {
    while (true) {
      const { done, value } = await steps.next()
      if (done) return value
      if (value.note) kept.push(value.note)
      yield value
    }
  } finally {
    await steps.return(undefined as never)
  }
}

async function* run(said: EditSettings, host: Host, signal?: Signal): Running<EditReport> {
  const told: Note[] = []
  return yield* keepingNotes(editing(said, host, signal, told), told)
}

/** Fails before the networks run where it can be known to fail. `told` are the notes so far. */
async function* editing(
  said: EditSettings,
  host: Host,
  signal: Signal | undefined,
  told: readonly Note[],
): Running<EditReport> {
  checkLock(said)
  checkSource(said)
  checkWords(said)
  const outputs = await outputsOf(said, host)
  const folder = await folderNote(said, outputs.picture, host)
  // A solver that there is not is refused before anything is opened.
  planOf(said)
  const listed = await listPictures([said.picture], host)
  checkOne(listed.paths, said)
  const measured = await measurePictures(listed.paths, host, signal)
  const { picture: output, mask: saved, sheet, report } = outputs
  await prepareOutputs(
    host.files,
    { 'settings.output': output, 'settings.saveMask': saved, 'settings.sheet': sheet, 'settings.report': report },
    { 'the picture': said.picture, 'settings.mask': said.mask },
  )
  const { mask: drawnPath, lockBackground: locks } = said
  const drawn = drawnPath === undefined ? undefined : await readMask(drawnPath, measured[0]!, locks, host.pictures)

  if (folder) yield folder
  const held = await host.models.open(said)
  try {
    yield* notedOf(held)
    checkEditable(held.model)
    checkChange(said, held.model)
    const { name } = held.model
    const settings = { ...said, solver: said.solver ?? solverOf(held.model) }
    const plan = planOf({ ...settings, prompt: settings.to })
    const begin = host.now()
    checkPicture(measured[0]!, held.model, settings.fit, { encode: 1, decode: 1, denoise: 2 })
    const large = largeNote(measured[0]!, held.model, settings.fit)
    if (large) yield large
    const picture = await readPicture(measured[0]!.path, host, { background: 'kept' })
    const doubted = [...doubtsOfWords(settings, held.model), ...doubtsOfOrigin(settings, picture, held.model)]
    yield* doubted.flatMap(({ note }) => note ?? [])
    const before = told.length
    yield* notesOnTexts([settings.from, settings.to, settings.negative], held.model, signal)
    const doubts: readonly Doubt[] = [
      ...doubted,
      ...(large ? [{ reason: 'the picture is far larger than those of the model' }] : []),
      ...(told.length > before ? [{ reason: 'some of the words say nothing to the model' }] : []),
    ]
    const found = yield* editOne(settings, { picture, drawn }, held.model, host, signal)
    const seconds = host.now() - begin
    const { source, mask, written, maskNotes } = found
    const texts = settings.recipe ? await textsOf(settings, plan, held) : {}
    const png = await host.pictures.encode(written, { ...picture.credits, ...texts })
    const isLocked = settings.lockBackground !== false
    const boundLevels = isLocked ? (settings.backgroundBound ?? 0) : Number.POSITIVE_INFINITY
    const after = mask && (await checkedBackground(png, { source, mask, boundLevels }, host.pictures))
    const last = [...losses(picture), ...strayed(found, isLocked), ...unseen(found)]
    // A report has the notes on its mask beside the mask.
    const notes = [...told.filter(({ about }) => about !== ofMask).map(({ text }) => text), ...last]
    const cost = await held.cost()
    const finished = {
      ...found,
      doubts: [...doubts, ...found.doubts],
      settings,
      model: name,
      notes,
      ...(after && { after }),
      outputs,
      seconds,
      cost,
    }
    const result = reportOf(finished)
    const isMaskWritten = outputs.mask !== undefined && mask !== undefined
    const files: (readonly [string, FileContent])[] = [
      [outputs.picture, png],
      ...(sheet ? [[sheet, await sheetOf(finished, host)] as const] : []),
      ...(report ? [[report, jsonText(result)] as const] : []),
      ...(isMaskWritten ? [[outputs.mask, await host.pictures.encode(asPicture(mask))] as const] : []),
    ]
    await host.files.write(files)
    return {
      result,
      files: files.map(([path]) => path),
      notes: [
        ...told,
        ...last.map((text) => ({ about: picture.path, text })),
        ...maskNotes
          .map((text) => ({ about: ofMask, text }))
          .filter(({ text }) => !told.some((one) => one.text === text)),
      ],
    }
  } finally {
    await held.close()
  }
}

export const editOperation = operation({
  id: 'edit',
  title: 'change what a picture shows, and leave the rest alone',
  fields,
  run,
})
