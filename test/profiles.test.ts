/** Profiles as files: what is written is read, everything is checked, and other weights' profiles are refused. */
import { appendFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Profile } from '../src/autoencoder/index.js'
import { fingerprint, profileName } from '../src/checkpoints/fingerprint.js'
import { openAutoencoderNetworks } from '../src/models/open.js'
import { autoencoderFingerprint, checkProfile, parseProfile, profileText } from '../src/models/profile-file.js'
import { nodeFiles } from '../src/node/files.js'

const profile: Profile = {
  weights: '0123456789abcdef',
  latents: 'of dead leaves',
  latentCount: 16,
  latentShape: [4, 16, 16],
  steps: 'fitted',
  roundTrips: 2,
  shares: [[0.8], [0.9, 0.6]],
  pullbacks: 30,
  expected: {
    residualNmseDb: -12.5,
    encoderNmseDb: -11,
    fittedNmseDb: [-12, -13],
    andersonNmseDb: [-12, -12.5, -11],
    gradientNmseDb: -14,
  },
}

const read = (text: string) => parseProfile(text, 'x.json')
/** The file with one value replaced, by a path of names. */
function edited(path: readonly string[], value: unknown): string {
  const object = JSON.parse(profileText(profile)) as Record<string, unknown>
  const last = path.at(-1)!
  const parent = path.slice(0, -1).reduce((inner, key) => inner[key] as Record<string, unknown>, object)
  if (value === undefined) delete parent[last]
  else parent[last] = value
  return JSON.stringify(object)
}

describe('parseProfile', () => {
  it('reads what profileText writes', () => {
    expect(read(profileText(profile))).toEqual(profile)
    const { gradientNmseDb: _, ...withoutGradient } = profile.expected
    const forwardOnly = { ...profile, pullbacks: 0, expected: withoutGradient }
    expect(read(profileText(forwardOnly))).toEqual(forwardOnly)
    const byAnderson: Profile = { ...profile, steps: 'anderson', roundTrips: 3 }
    expect(read(profileText(byAnderson))).toEqual(byAnderson)
  })

  it.each([
    ['no number', 'roundTrips', ['roundTrips'], 'two'],
    ['a negative count', 'roundTrips', ['roundTrips'], -1],
    ['a broken count', 'pullbacks', ['pullbacks'], 1.5],
    ['another format', 'format', ['format'], 'undiffuse-profile-9'],
    ['no format', 'format', ['format'], undefined],
    ['weights that are not text', 'weights', ['weights'], 7],
    ['endless words', 'latents', ['latents'], 'x'.repeat(10_000)],
    ['a count that is a text', 'latentCount', ['latentCount'], '16'],
    ['a shape that is not a list', 'latentShape', ['latentShape'], 3],
    ['an unknown way to step', 'steps', ['steps'], 'adam'],
    ['a row that is too long', 'shares', ['shares'], [[0.8, 0.1]]],
    ['a share that is null, as NaN is in JSON', 'shares', ['shares'], [[null]]],
    ['endless shares', 'shares', ['shares'], Array.from({ length: 200 }, (_, k) => Array(k + 1).fill(0))],
    ['no errors', 'expected', ['expected'], undefined],
    ['a list of errors that is none', 'expected', ['expected'], [1]],
    ['an error that is a text', 'residualNmseDb', ['expected', 'residualNmseDb'], '-12'],
    ['a missing error', 'encoderNmseDb', ['expected', 'encoderNmseDb'], undefined],
    ['errors that are no numbers', 'fittedNmseDb', ['expected', 'fittedNmseDb'], ['-12']],
    ['errors that are no list', 'andersonNmseDb', ['expected', 'andersonNmseDb'], -12],
    ['a gradient error that is a text', 'gradientNmseDb', ['expected', 'gradientNmseDb'], '-14'],
    ['an unknown field', 'surprise', ['surprise'], 1],
    ['an unknown error', 'surprise', ['expected', 'surprise'], 1],
    ['a name of objects', '__proto__', ['toString'], 1],
  ])('refuses %s, naming `%s`', (_, name, path, value) => {
    const field = name === '__proto__' ? 'toString' : name
    expect(() => read(edited(path, value))).toThrow(
      expect.objectContaining({ code: 'bad-model', message: expect.stringContaining(`\`${field}\``) }),
    )
  })

  it('refuses more steps than there are shares or errors of', () => {
    expect(() => read(edited(['roundTrips'], 3))).toThrow(/at most 2 round trips.*3/)
    expect(() => read(profileText({ ...profile, steps: 'anderson', roundTrips: 4 }))).toThrow(/at most 3 round trips/)
  })

  it.each(['', '[]', 'null', '{', '{"format": "undiffuse-profile-1"}'])('refuses %j', (text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'bad-model' }))
  })
})

describe('a profile beside its model', () => {
  let folder = ''
  const model = () => join(folder, 'model')
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'undiffuse-profiles-'))
    const golden = fileURLToPath(new URL('golden/autoencoder-tiny', import.meta.url))
    for (const name of ['config.json', 'diffusion_pytorch_model.safetensors']) {
      await cp(join(golden, name), join(model(), 'vae', name), { recursive: true })
    }
    await mkdir(join(model(), 'scheduler'))
    await writeFile(join(model(), 'scheduler', 'scheduler_config.json'), '{"_class_name": "DDIMScheduler"}')
    const index = { _class_name: 'StableDiffusionPipeline', vae: ['diffusers', 'AutoencoderTiny'] }
    await writeFile(join(model(), 'model_index.json'), JSON.stringify(index))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const open = () => openAutoencoderNetworks(nodeFiles, model())
  const write = (of: Profile) => writeFile(join(model(), profileName), profileText(of))

  it('is read, and absent where there is none', async () => {
    expect(await open()).not.toHaveProperty('profile')
    const own = { ...profile, weights: await autoencoderFingerprint(nodeFiles, model()) }
    await write(own)
    expect((await open()).profile).toEqual(own)
  })

  it("belongs to the autoencoder's weights alone", async () => {
    const before = await autoencoderFingerprint(nodeFiles, model())
    await writeFile(join(model(), 'scheduler', 'scheduler_config.json'), '{"_class_name": "PNDMScheduler"}')
    expect(await autoencoderFingerprint(nodeFiles, model())).toBe(before)
    expect(await fingerprint(nodeFiles, model(), ['vae'])).toBe(before)
    expect(await fingerprint(nodeFiles, model())).not.toBe(before)
    expect((await open()).profile).toBeDefined()
  })

  it('is not used where it is of other weights, which is said; and is refused when it is damaged', async () => {
    const file = join(model(), profileName)
    await write(profile)
    expect(await open()).toMatchObject({ strangeProfile: file })
    expect(await open()).not.toHaveProperty('profile')
    await write({ ...profile, weights: await autoencoderFingerprint(nodeFiles, model()) })
    expect(await open()).not.toHaveProperty('strangeProfile')
    await appendFile(join(model(), 'vae', 'config.json'), '\n')
    expect(await open()).toMatchObject({ strangeProfile: file })
    await writeFile(join(model(), profileName), '{')
    await expect(open()).rejects.toMatchObject({ code: 'bad-model' })
  })
})

it('checkProfile says which weights it wants and which it got', () => {
  expect(() => checkProfile(profile, profile.weights, 'x.json')).not.toThrow()
  expect(() => checkProfile(profile, 'ffff', 'x.json')).toThrow(/ffff.*x\.json.*0123456789abcdef/s)
})
