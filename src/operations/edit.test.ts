/** `edit` keeps what is outside a mask, and says what it doubts of a mask and of a picture. */
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import { start } from '../../test/hosts/operations.js'
import { editableModel, editedPrompts } from '../../test/laws/analytic-model.js'
import { edit } from '../edit/edit.js'
import { map, type Tensor, tensor, zeros } from '../math/tensor.js'
import { generate } from '../verbs/generate.js'
import { strayed } from './editing/verdict.js'
import { editOperation, invertOperation, type Told } from './index.js'

it('edit: outside a mask the lock writes the source, bit for bit', async () => {
  const host = memoryHost(editableModel())
  const [from, to] = editedPrompts
  const { image } = await generate({ model: editableModel(), prompt: from, seed: 1 })
  await host.paint('a.png', image)
  await host.paint(
    'mask.png',
    map(zeros([1, 4, 4]), (_, i) => (i % 4 < 2 ? 1 : -1)),
  )
  const given = { picture: 'a.png', from, to, mask: 'mask.png', lockBackground: true, feather: 0, steps: 10 }
  const method = 'naive:dilation=0'
  const { result } = await start(editOperation, host, { ...given, method, decoder: 'encoder-only' })
  const [source, edited] = await Promise.all(['a.png', 'edited.png'].map((path) => host.pictures.read(path)))
  const outside = ({ data }: Tensor) => data.filter((_, i) => i % 4 >= 2)
  expect(outside(edited!.image)).toEqual(outside(source!.image))
  expect(edited!.image.data).not.toEqual(source!.image.data)
  expect(result).toMatchObject({ background: { largestLevels: 0 }, mask: { shareOfPixels: 0.5 } })
})

it('edit: a transparent picture keeps its opacity everywhere, and its hidden colours outside the mask', async () => {
  const host = memoryHost(editableModel())
  const [from, to] = editedPrompts
  const { image } = await generate({ model: editableModel(), prompt: from, seed: 1 })
  // Each row has another opacity, from none to all.
  const opacity = Float64Array.from({ length: 16 }, (_, i) => (2 * Math.floor(i / 4)) / 3 - 1)
  await host.paint('a.png', { shape: [4, 4, 4], data: Float64Array.from([...image.data, ...opacity]) })
  await host.paint(
    'mask.png',
    map(zeros([1, 4, 4]), (_, i) => (i % 4 < 2 ? 1 : -1)),
  )
  const given = { picture: 'a.png', from, to, mask: 'mask.png', feather: 0, steps: 10, decoder: 'encoder-only' }
  const { result } = await start(editOperation, host, { ...given, method: 'naive:dilation=0' })
  const kept = { background: 'kept' } as const
  const [source, edited] = await Promise.all(['a.png', 'edited.png'].map((path) => host.pictures.read(path, kept)))
  const outside = ({ data }: Tensor) => data.filter((_, i) => i % 4 >= 2)
  expect(edited!.image.shape).toEqual([4, 4, 4])
  expect(outside(edited!.image)).toEqual(outside(source!.image))
  expect(edited!.image.data.slice(48)).toEqual(source!.image.data.slice(48))
  expect(edited!.image.data).not.toEqual(source!.image.data)
  expect(result).toMatchObject({ background: { largestLevels: 0 } })
})

describe('edit', () => {
  const [from, to] = editedPrompts
  const given = { picture: 'a.png', from, to, mask: 'mask.png', steps: 4, method: 'naive', decoder: 'encoder-only' }
  const withMask = async (levels: (i: number) => number, plain = editableModel(), image = zeros([3, 4, 4])) => {
    const host = memoryHost(plain)
    await host.paint('a.png', image)
    await host.paint(
      'mask.png',
      map(zeros([1, 4, 4]), (_, i) => levels(i)),
    )
    return host
  }

  it('says how a grey mask is read, and nothing of a black and white one', async () => {
    const grey = await withMask((i) => (i % 4 < 2 ? 1 : -0.4))
    const { result } = await start(editOperation, grey, given)
    const said = '50 % of it is grey: 128 or more of 255 counts as white, the rest as black.'
    expect(result.mask!.notes).toContain(said)
    expect(result.verdictReasons).toContain('parts of the mask are grey')
    const plain = await start(editOperation, await withMask((i) => (i % 4 < 2 ? 1 : -1)), given)
    expect(plain.result.mask!.notes.filter((note) => note.includes('grey'))).toEqual([])
  })

  it.each([
    [
      'prompts of the same words',
      { from: 'A ball.', to: 'a  ball', mask: undefined, method: 'exact-blending' },
      'bad-option',
    ],
    ['the same prompt twice, mask or not', { to: from }, 'bad-option'],
    ['an empty source prompt', { from: ' ' }, 'bad-option'],
    ['a mask that is not there', { mask: 'other.png' }, 'unavailable'],
    ['a mask of another size', { mask: 'large.png' }, 'bad-shape'],
    ['a black mask', { mask: 'black.png' }, 'bad-option'],
    ['a photograph for a mask', { mask: 'photo.png' }, 'bad-option'],
    ['a white mask with a lock', { mask: 'white.png', lockBackground: true }, 'bad-option'],
    ['a bound beyond 8 bits', { backgroundBound: 256 }, 'bad-option'],
    ['a seam of any width', { feather: 1025 }, 'bad-option'],
  ])('refuses %s before a model is opened', async (_, said, code) => {
    const host = await withMask(() => 1)
    await host.paint('large.png', zeros([1, 8, 8]))
    await host.paint('black.png', tensor([1, 4, 4], new Float64Array(16).fill(-1)))
    await host.paint(
      'photo.png',
      map(zeros([1, 4, 4]), (_, i) => i / 16 - 0.5),
    )
    await host.paint('white.png', tensor([1, 4, 4], new Float64Array(16).fill(1)))
    let opened = 0
    const open = async () => Promise.reject(new Error(`opened ${++opened} times`))
    const closed = { ...host, models: { ...host.models, open } }
    const run = async () => await start(editOperation, closed, { ...given, ...said })
    await expect(run()).rejects.toMatchObject({ code })
    expect(opened).toBe(0)
  })

  it('says what is odd about a mask once it is known, before the edit is walked, and does not repeat it', async () => {
    const { mask: _, ...unmasked } = given
    // Attention all over the picture, as of a changed background.
    const everywhere = editableModel([1, 1, 1, 1, 1, 1, 1, 0])
    const method = 'exact-blending:mask=attention'
    const task = start(editOperation, await withMask(() => 1, everywhere), { ...unmasked, method })
    const stages: string[] = []
    for await (const { stage, note } of task) stages.push(note?.text ?? stage)
    const { result, notes } = await task
    const [said] = result.mask!.notes
    expect(said).toMatch(/^The mask covers the whole picture/)
    expect(stages.indexOf(said!)).toBe(stages.indexOf('mask') + 1)
    expect(stages.lastIndexOf('ddim')).toBeGreaterThan(stages.indexOf(said!))
    expect(notes.filter(({ text }) => text === said)).toHaveLength(1)
    expect(result.notes).not.toContain(said)
    const locked = start(editOperation, await withMask(() => 1, everywhere), {
      ...unmasked,
      method,
      lockBackground: true,
    })
    const walked: string[] = []
    const failed = (async () => {
      for await (const { stage } of locked) walked.push(stage)
      await locked
    })()
    await expect(failed).rejects.toMatchObject({ code: 'bad-option', got: 'one that covers all, as it was found' })
    expect(walked.at(-1)).toBe('mask')
  })

  it('a mask that grows over everything is told apart from one that was drawn so, and refused where a lock is asked for', async () => {
    const half = await withMask((i) => (i % 4 < 2 ? 1 : -1))
    const grown = { ...given, method: 'naive:dilation=4' }
    const { result } = await start(editOperation, half, grown)
    expect(result.mask).toMatchObject({ covers: 'everything', drawnShareOfPixels: 0.5, shareOfPixels: 1 })
    expect(result.mask!.notes.join()).toMatch(/nothing of the source is kept.*smaller `dilation`/)
    const drawn = await start(editOperation, await withMask(() => 1), given)
    expect(drawn.result.mask).toMatchObject({ covers: 'everything', drawnShareOfPixels: 1 })
    const before = half.written.get('edited.png')
    await expect(start(editOperation, half, { ...grown, lockBackground: true })).rejects.toMatchObject({
      code: 'bad-option',
      got: 'one that covers all, once it is grown',
    })
    expect(half.written.get('edited.png')).toBe(before)
  })

  /** Of `dB` or so: what is decoded is brighter than what was encoded. */
  function poorlyShown(dB: number) {
    const plain = editableModel()
    const brighter = 2 * 10 ** (-dB / 20)
    const ask: typeof plain.ask = async (kind, asks, signal) => {
      const answers = await plain.ask(kind, asks, signal)
      return kind === 'decode'
        ? (answers.map((one) => map(one as Tensor, (value) => value + brighter)) as unknown as typeof answers)
        : answers
    }
    return { ...plain, ask }
  }

  it('says how well the model knows the picture, before and after its latent is found, and names a remedy', async () => {
    const judged = async (dB: number, said: object = {}) => {
      const host = await withMask((i) => (i % 4 < 2 ? 1 : -1), poorlyShown(dB))
      const task = start(editOperation, host, { ...given, ...said })
      const stages: string[] = []
      for await (const { stage, note } of task) stages.push(note?.text ?? stage)
      const { result, notes } = await task
      const own = result.notes.filter((text) => text.includes('dB'))
      const hints = notes.filter(({ text }) => text.includes('dB')).map(({ hint }) => hint)
      expect(notes.filter(({ text }) => text.includes('dB')).map(({ text }) => text)).toEqual(own)
      return { stages, own, hints }
    }
    const { stages, own } = await judged(25)
    expect(own).toEqual([
      expect.stringMatching(
        /^The model shows it at 2\d.*hardly knows.*likely to miss.*`settings\.model`.*docs\/your-own-model/,
      ),
    ])
    const at = stages.indexOf(own[0]!)
    expect(stages.slice(0, at)).toEqual(expect.arrayContaining(['encode', 'encoder-only']))
    expect(stages.slice(0, at)).not.toContain('naive')
    expect(stages.slice(at)).toContain('naive')
    const searched = await judged(25, { decoder: 'gradient-free:iterations=2' })
    expect(searched.own).toEqual([
      expect.stringMatching(/^The model's encoder alone shows it at 2\d.*The search for the latent will tell/),
      expect.stringMatching(/^Its latent shows it at .*can show it after all/),
    ])
    expect(searched.hints).toEqual([undefined, undefined])
    const long = await judged(25, { decoder: 'gradient-free:iterations=2', steps: 30 })
    expect(long.hints).toEqual(['end-early', undefined])
    const [early, late] = searched.own.map((text) => searched.stages.indexOf(text))
    const search = searched.stages.findLastIndex((stage) => stage.startsWith('gradient-free '))
    expect(early! < search && search < late!).toBe(true)
    expect((await judged(30)).own).toEqual([expect.stringMatching(/may not know such pictures\. Look closely/)])
    expect((await judged(40)).own).toEqual([])
  })

  it('says at once that a small model does not know a picture, how long all of it takes, and what is needed', async () => {
    const vocabulary = { words: { all: ['a', 'red', 'ball', 'star'] }, examples: [] }
    const { image } = await generate({ model: editableModel(), prompt: from, seed: 1, guidance: 1 })
    const edited = async (dB: number, seconds: number, slowReadings = Number.POSITIVE_INFINITY) => {
      const host = await withMask((i) => (i % 4 < 2 ? 1 : -1), { ...poorlyShown(dB), vocabulary } as never, image)
      let [clock, readings] = [0, 0]
      const slow = { ...host, now: () => (clock += readings++ < slowReadings ? seconds : 0.001) }
      const task = start(editOperation, slow, { ...given, decoder: 'gradient-free:iterations=2' })
      const seen: Told[] = []
      for await (const told of task) seen.push(told)
      const { result } = await task
      return { seen, result, notes: seen.flatMap(({ note }) => (note ? [note.text] : [])) }
    }
    const strange = await edited(29, 10)
    expect(strange.notes).toEqual([
      expect.stringMatching(
        /^The model does not know pictures like this one: .*2\d\.\d dB.*The edit will probably look wrong\. The whole edit takes about 7 min\. Pass a model .*your-own-model\.md\.$/,
      ),
    ])
    const at = strange.seen.findIndex(({ note }) => note)
    expect(strange.seen.slice(0, at).map(({ stage }) => stage)).toEqual(['encode', 'gradient-free'])
    expect(strange.result).toMatchObject({
      verdict: 'likely-to-miss',
      verdictReasons: ['the model does not know such pictures'],
      known: 'hardly',
    })
    // One forecast of all parts, which never goes back.
    const far = strange.seen.slice(at).flatMap(({ parts }) => (parts ? [parts] : []))
    expect(far.every(({ isTold, total }) => isTold && total === 3)).toBe(true)
    const sum = (some: readonly number[]) => some.reduce((a, b) => a + b, 0)
    const done = far.map(({ done, begun = 0, seconds = [] }) => (begun + sum(seconds.slice(0, done))) / sum(seconds))
    expect(done).toEqual(done.toSorted((a, b) => a - b))
    expect(far.at(-1)).toMatchObject({ done: 2 })
    const own = await edited(40, 0.001)
    expect(own.notes).toEqual([])
    expect(own.result).toMatchObject({ known: 'well' })
    expect((await edited(40, 10)).notes).toEqual(['The whole edit takes about 7 min.'])
    // The edit's begin and the first decode and evaluation, which open the networks.
    expect((await edited(40, 10, 5)).notes).toEqual([])
  })

  it('says before a network runs that a picture is far larger than those of the model', async () => {
    const plain = editableModel()
    const trained = { ...plain, layout: { ...plain.layout, picture: [3, 64, 64], latentShape: () => [3, 4, 4] } }
    const { mask: _, ...unmasked } = given
    const noted = async (side: number, asked: unknown = editOperation, said: object = unmasked) => {
      const host = memoryHost(trained)
      await host.paint('a.png', zeros([3, side, side / 2]))
      const task = start(asked as typeof editOperation, host, said as never)
      const seen: string[] = []
      for await (const { stage, note } of task) {
        if (stage === 'encode') break
        if (note) seen.push(note.text)
        if (seen.length > 0) break
      }
      return seen
    }
    const large = [
      'The model was made for 64×64. This picture takes at least 8 times as long as one of that size, and as many times the memory. Reduce it first, in an image editor: one of 80×156 takes about 3 times as long.',
    ]
    expect(await noted(252)).toEqual(large)
    for (const to of ['latent', 'noise']) {
      expect(await noted(252, invertOperation, { sources: ['a.png'], to, output: 'z.safetensors' })).toEqual(large)
    }
    expect(await noted(80)).toEqual([])
  })

  it('tells what is not written: bits, metadata; and that a mask is of the picture as it is shown', async () => {
    const host = await withMask((i) => (i % 4 < 2 ? 1 : -1))
    const { read, measure } = host.pictures
    const file = {
      notes: ['Read with the precision of 16 bits a channel.'],
      bits: 16,
      metadata: ['EXIF', 'XMP'],
    } as const
    const credits = { Author: 'Ann', Copyright: 'Ann 2024' }
    const of = (pictures: Partial<typeof host.pictures>) => ({ ...host, pictures: { ...host.pictures, ...pictures } })
    const deep = of({ read: async (...asked) => ({ ...(await read(...asked)), ...(asked[0] === 'a.png' && file) }) })
    const { result } = await start(editOperation, deep, given)
    expect(result.notes).toEqual([
      ...file.notes,
      'It is written with 8 of its 16 bits a channel.',
      'Its metadata (EXIF, XMP) are not carried over.',
      expect.stringMatching(/^At the mask's edge a cut may show/),
    ])
    let texts: Readonly<Record<string, string>> | undefined
    const owned = of({
      read: async (...asked) => ({ ...(await read(...asked)), ...(asked[0] === 'a.png' && { ...file, credits }) }),
      encode: async (image, said) => {
        texts = said
        return await host.pictures.encode(image)
      },
    })
    const kept = await start(editOperation, owned, { ...given, recipe: false })
    expect(texts).toEqual(credits)
    expect(kept.result.notes).toContain('Its metadata (EXIF, XMP) are not carried over, but for author and copyright.')
    await host.paint('mask.png', zeros([1, 8, 4]))
    await expect(start(editOperation, host, given)).rejects.toMatchObject({
      remedy: 'Draw it over the picture itself.',
    })
    const turned = of({
      measure: async (path) => ({ ...(await measure(path)), ...(path === 'a.png' && { turned: true }) }),
    })
    await expect(start(editOperation, turned, given)).rejects.toMatchObject({
      remedy: expect.stringContaining('turned upright'),
    })
  })

  it('what a mask that covers all needs depends on the picture and on what changes', async () => {
    const vocabulary = {
      words: { places: ['left', 'right'], textures: ['dots', 'checks'], shapes: ['ball', 'star'] },
      examples: [],
    }
    const wide = async (dB: number, words: { readonly from: string; readonly to: string }, more = '') => {
      const host = await withMask(() => 1, { ...poorlyShown(dB), vocabulary } as ReturnType<typeof editableModel>)
      const { mask: _, ...unmasked } = given
      const method = `exact-blending:mask=difference,dilation=4${more}`
      const { result } = await start(editOperation, host, { ...unmasked, ...words, method })
      return result.mask!.notes.join()
    }
    const [moved, textured] = [
      { from: `${from} left`, to: `${from} right` },
      { from: `${from} dots`, to: `${from} checks` },
    ]
    expect(await wide(40, moved)).toMatch(
      /Draw the old and the new place of the thing, and pass it as `settings\.mask`\.$/,
    )
    expect(await wide(40, textured)).toMatch(
      /the background white and the thing black.*Where the old texture stays.*guideFrom=source/,
    )
    expect(await wide(30, textured)).toMatch(/For a picture that this model did not make, try `guideFrom=source`\.$/)
    expect(await wide(30, textured, ',guideFrom=source')).not.toContain('guideFrom')
    // No mask helps where the model does not know the picture, as was noted.
    expect(await wide(25, textured)).toBe('Nothing to change was found: what is written shows the source.')
    expect(await wide(40, { from, to })).toMatch(/the old and the new place of a thing that moves, and pass/)
  })

  it('refuses a new word that the model never saw before a network runs, and says what was meant', async () => {
    const others = 'Others, and photographs, need a larger model: docs/your-own-model.md.'
    const vocabulary = {
      words: { colours: ['red', 'green'], shapes: ['ball'], others: ['a', 'photo', 'of'] },
      examples: [],
    }
    const plain = editableModel()
    const asked: string[] = []
    const ask: typeof plain.ask = async (kind, ...more) => {
      asked.push(kind)
      return await plain.ask(kind, ...more)
    }
    const said = async (words: { readonly from: string; readonly to: string }) => {
      const host = await withMask((i) => (i % 4 < 2 ? 1 : -1), { ...plain, ask, vocabulary } as typeof plain)
      return await start(editOperation, host, { ...given, ...words })
    }
    const refused = { code: 'bad-option', subject: expect.stringContaining('`') }
    await expect(said({ from: 'a red ball', to: 'a grene ball' })).rejects.toMatchObject({
      ...refused,
      got: '`grene`',
      remedy: 'Did you mean `green`?',
    })
    await expect(said({ from: 'a red ball', to: 'a magenta ball' })).rejects.toMatchObject({
      ...refused,
      remedy: `Its colours: red, green. ${others}`,
    })
    await expect(said({ from: 'a red ball', to: 'a red banana' })).rejects.toMatchObject({
      message: expect.stringMatching(
        /^Expected known words in `settings\.to` for `\S+`, got `banana`\. Its shapes: ball\. Others, and photographs, need a larger model: docs\/your-own-model\.md\.$/,
      ),
    })
    await expect(said({ from: 'a red ball', to: 'a magenta banana' })).rejects.toMatchObject({
      remedy: `Its colours: red, green. Its shapes: ball. ${others}`,
    })
    await expect(said({ from: 'a ball', to: 'a striped ball' })).rejects.toMatchObject({ hint: 'list-words' })
    expect(asked).toEqual([])
    // A misspelt word of the source, on its own and where the other prompt shares it.
    for (const to of ['a green ball', 'a green bal'])
      await expect(said({ from: 'a red bal', to })).rejects.toMatchObject({
        message: expect.stringMatching(
          /^Expected known words in `settings\.from` .*`bal`\. Did you mean `ball`\? Else leave/,
        ),
      })
    expect(asked).toEqual([])
    // What both prompts say the model need not know: photographs.
    await said({ from: 'a photo of a red lighthouse on a wall', to: 'a photo of a green lighthouse on a wall' })
    expect(asked).toContain('decode')
  })

  it('says before any work what wants a mask: a move, a texture and, with one too, a removal', async () => {
    const words = {
      ...{ places: ['left', 'centre'], colours: ['red', 'green'], textures: ['dots', 'checks'], shapes: ['ball'] },
      others: ['a', 'on', 'in', 'the'],
    }
    const vocabulary = { words, examples: [] }
    const first = async (words: { readonly from: string; readonly to: string }, mask?: string) => {
      const model = { ...editableModel(), vocabulary } as ReturnType<typeof editableModel>
      const host = await withMask((i) => (i % 4 < 2 ? 1 : -1), model)
      const task = start(editOperation, host, { ...given, ...words, mask, method: 'exact-blending:mask=difference' })
      for await (const { note, stage } of task) {
        if (note?.hint === 'draw-mask') return note.text
        if (stage === 'encode') return undefined
      }
    }
    const moved = { from: 'a red ball on the left', to: 'a red ball in the centre' }
    expect(await first(moved)).toMatch(
      /^This moves a thing.*`settings\.mask`.*`settings\.feather 8`.*`settings\.lockBackground` stops/,
    )
    expect(await first(moved, 'mask.png')).toBeUndefined()
    expect(await first({ from: 'a red ball', to: 'a green ball' })).toBeUndefined()
    const textured = { from: 'a red ball on dots', to: 'a red ball on checks' }
    expect(await first(textured)).toMatch(
      /^This changes a texture.*the background white.*`settings\.mask`.*guideFrom=source/,
    )
    expect(await first(textured, 'mask.png')).toBeUndefined()
    const removed = { from: 'a red ball on green dots', to: 'on green dots' }
    for (const mask of [undefined, 'mask.png'])
      expect(await first(removed, mask)).toMatch(
        /^`settings\.to` names no thing.*a blob would stay.*blendFrom=0\.5.*`settings\.feather 8`/,
      )
  })

  it('ends with a doubt wherever one was noted, and with what the words alone tell', async () => {
    const words = { shapes: ['ball', 'star'], colours: ['red', 'blue'], places: ['left', 'right'], others: ['a', 'on'] }
    const knowing = (known: object) => ({ ...editableModel(), vocabulary: { words: known, examples: [] } }) as never
    const [model, unread]: ReturnType<typeof editableModel>[] = [knowing(words), knowing({ ...words, colours: [] })]
    const { image } = await generate({ model: editableModel(), prompt: from, seed: 1, guidance: 1 })
    const verdictFor = async (said: object, texts?: Readonly<Record<string, string>>, reader = model!) => {
      const host = await withMask((i) => (i % 4 < 2 ? 1 : -1), reader, image)
      const { read } = host.pictures
      const pictures: typeof host.pictures = {
        ...host.pictures,
        read: async (...asked) => ({ ...(await read(...asked)), ...(asked[0] === 'a.png' && texts && { texts }) }),
      }
      const { result } = await start(editOperation, { ...host, pictures }, { ...given, ...said })
      return result
    }
    expect(await verdictFor({ to: 'a red' })).toMatchObject({
      verdict: 'likely-to-miss',
      verdictReasons: ['the new prompt names no thing, and this model always draws one'],
    })
    expect((await verdictFor({})).verdictReasons).toContain('shapes are drawn anew and may come out ragged')
    expect((await verdictFor({ to: 'a blue ball' })).verdictReasons.join()).not.toMatch(/ragged|prompt/)
    const difference = 'exact-blending:mask=difference,dilation=4'
    const moved = { to: 'a red ball left', mask: undefined, method: difference }
    expect((await verdictFor(moved)).verdictReasons).toContain('a thing moves, and no mask was drawn')
    expect((await verdictFor({}, undefined, unread)).verdictReasons).toContain(
      'some of the words say nothing to the model',
    )
    // What the source prompt says of the picture: measured, and by the file.
    const wrong = await verdictFor({ from: to, to: from })
    expect(wrong.verdictReasons).toContain(
      'the source prompt does not describe the picture, or the model did not make it',
    )
    expect(wrong.notes).toContainEqual(expect.stringMatching(/^`settings\.from` does not seem to describe/))
    const texts = { Software: 'undiffuse', model: model!.name, prompt: 'a red ball on a left' }
    expect((await verdictFor({}, texts)).notes.join()).not.toContain('The file says')
    const other = await verdictFor({}, { ...texts, prompt: 'a blue star' })
    expect(other.notes).toContainEqual(expect.stringMatching(/^The file says .*“a blue star”\. Pass that as/))
    const another = { verdictReasons: ['the file says that it was made from another prompt'] }
    expect(other).toMatchObject({ verdict: 'likely-to-miss', ...another })
    const more = await verdictFor({}, { ...texts, prompt: 'ball' })
    expect(more.verdict).toBe('look-closely')
    expect(more.verdictReasons).toEqual(expect.arrayContaining(another.verdictReasons))
    const again = await verdictFor({}, { ...texts, editedFrom: 'a blue ball' })
    expect(again.notes).toContainEqual(
      expect.stringMatching(
        /^The file says that the picture is an edit, of one of “a blue ball”\..*all changes at once/,
      ),
    )
    expect(again.verdictReasons).toContain('the picture is an edit already, and errors add up')
    expect(other.notes.join()).not.toContain('is an edit')
  })

  it('says where the edit changed what lies outside the mask before the lock', async () => {
    const still = { isMove: false }
    const told = (psnrDb: number) => strayed({ ...still, before: { psnrDb } }, false).length
    expect([31.6, 36.9, Number.POSITIVE_INFINITY].map(told)).toEqual([1, 0, 0])
    expect(strayed({ ...still, before: { psnrDb: 30 } }, false).join()).toMatch(
      /^Outside the mask the picture changed too, and nothing locks/,
    )
    // Of a locked picture a seam that shows, and none that is hardly there or the outline of a thing that is kept.
    expect(strayed({ ...still, before: { psnrDb: 30 }, seamLevels: 5 }, true)).toEqual([])
    expect(strayed({ ...still, seamLevels: 20.4, drawnShare: 0.7 }, true)).toEqual([])
    expect(strayed({ ...still, seamLevels: 20.4 }, true).join()).toMatch(
      /^At the mask's edge a cut may show: .* 20 levels of 255/,
    )
    const { result } = await start(editOperation, await withMask((i) => (i % 4 < 2 ? 1 : -1), poorlyShown(25)), given)
    expect(result.backgroundBefore!.psnrDb).toBeLessThan(30)
    const seam = result.lock!.seamLevels
    expect(seam).toBeGreaterThan(8)
    expect(result.notes).toContainEqual(expect.stringContaining(`steps there are ${seam.toFixed(0)} levels`))
  })

  it('says before any work that an output without an ending is a folder', async () => {
    const host = await withMask((i) => (i % 4 < 2 ? 1 : -1))
    const notes = async (output: string) => {
      const { result } = await start(editOperation, host, { ...given, output })
      return result.notes.filter((text) => text.includes('is a folder'))
    }
    expect(await notes('result')).toEqual([
      '`result` is a folder: `result/edited.png` is written. For a file write `result.png`.',
    ])
    expect(await notes('other/')).toEqual([])
    expect(await notes('b.png')).toEqual([])
  })

  it('says how much of a mask is grey, where that is more than half', async () => {
    const refused = start(editOperation, await withMask((i) => (i % 4 < 1 ? 1 : i / 16 - 0.5)), given)
    await expect(refused).rejects.toMatchObject({
      message:
        'Expected a mask in black and white for `settings.mask`, got a picture: 75 % of it is grey. Paint white where the edit goes, and black over what is to be kept.',
    })
  })

  it('names the option of a mask without white', async () => {
    const host = await withMask(() => -1)
    const refused = start(editOperation, host, given)
    await expect(refused).rejects.toMatchObject({ code: 'bad-option', subject: '`settings.mask`' })
  })

  it('refuses a model of clips, by the verb and by the operation', async () => {
    const plain = editableModel()
    const clips = { ...plain, layout: { ...plain.layout, axes: ['channels', 'frames', 'height', 'width'] as const } }
    const refused = { code: 'unsupported', expected: 'a model of pictures' }
    await expect(edit({ image: zeros([3, 4, 4]) }, { model: clips, from, to })).rejects.toMatchObject(refused)
    const host = await withMask(() => 1, clips)
    await expect(start(editOperation, host, given)).rejects.toMatchObject(refused)
  })
})
