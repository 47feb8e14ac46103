import { describe, expect, it } from 'vitest'
import { torchNoise } from '../math/noise.js'
import { checkKey, checkKeyModel, hasOtherWeights, newKey, readKey } from './key.js'

const secret = Uint8Array.from({ length: 32 }, (_, i) => 7 * i)
const secretText = Array.from(secret, (byte) => byte.toString(16).padStart(2, '0')).join('')
const fields = { scheme: 'tree-ring:pattern=ring', model: 'small', latentShape: [4, 16, 16] }
/** Of a model, as `fingerprint` tells them. */
const weights = '0123456789abcdef'
const text = newKey({ ...fields, members: 500 }, secret)

describe('a key file', () => {
  it('comes back as it was written, with marks that follow from it', () => {
    const key = readKey(text, 'key.json')
    expect(key).toMatchObject({ ...fields, members: 500, messageBits: 0 })
    expect(key.id).toMatch(/^[0-9a-f]{16}$/)
    const marked = key.mark(123).imprint(torchNoise(0, [4, 16, 16]))
    expect(readKey(text, 'key.json').mark(123).read(marked).pValue).toBeLessThan(1e-6)
    expect(key.identify(marked).member).toBe(123)
  })

  it('shows its secret to nobody who prints the key', () => {
    const key = readKey(text, 'key.json')
    expect(text).toContain(secretText)
    expect(JSON.stringify(key)).not.toContain(secretText.slice(0, 16))
    expect(Object.values(key).some((value) => value instanceof Uint8Array)).toBe(false)
  })

  it('of before weights were told is still read: it says of no weights, and asks for none', () => {
    const before = `{"format": "undiffuse-watermark-key", "version": 1, "id": "acd31238a572c0ac",
      "scheme": "tree-ring:pattern=ring", "model": "small", "latentShape": [4, 16, 16], "members": 500,
      "secret": "${secretText}"}`
    const key = readKey(before, 'key.json')
    expect(key.id).toBe(readKey(text, 'key.json').id)
    expect(key.modelFiles).toBeUndefined()
    expect(hasOtherWeights(key, { model: 'small', modelFiles: weights })).toBe(false)
  })

  it('says which weights it is for, and how it was chosen', () => {
    const chosen = { drawn: 3, pictures: 400 }
    expect(readKey(newKey({ ...fields, modelFiles: weights, chosen }, secret), 'k')).toMatchObject({
      modelFiles: weights,
      chosen,
    })
    expect(readKey(newKey({ ...fields, chosen }, secret), 'k').chosen).toEqual(chosen)
  })

  it('has another id when anything in it is another', () => {
    const ids = [
      newKey(fields, secret),
      newKey({ ...fields, members: 2 }, secret),
      newKey({ ...fields, model: 'other' }, secret),
      newKey({ ...fields, scheme: 'tree-ring' }, secret),
      newKey({ ...fields, latentShape: [4, 16, 24] }, secret),
      newKey(fields, secret.toReversed()),
      newKey({ ...fields, modelFiles: weights }, secret),
      newKey({ ...fields, modelFiles: weights.replace('0', '1') }, secret),
      newKey({ ...fields, chosen: { drawn: 1, pictures: 2 } }, secret),
      newKey({ ...fields, chosen: { drawn: 2, pictures: 1 } }, secret),
    ].map((one) => readKey(one, 'key.json').id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it.each([
    ['is cut short', text.slice(0, 100), /invalid JSON/],
    ['is a list', '[]', /JSON that is not an object/],
    ['is of another kind', '{"format":"else"}', /a file of another kind/],
    ['is of a later version', text.replace('"version": 1', '"version": 2'), /version 1 for .* got version 2/],
    ['lacks its secret', text.replace(secretText, ''), /missing or of another type/],
    ['has a shape of words', text.replace('16,\n    16', '"16",\n    16'), /missing or of another type/],
    ['was made for another model', text.replace('"small"', '"large"'), /was changed/],
    ['has another secret', text.replace(secretText, secretText.replace(/^00/, '01')), /was changed/],
    [
      'has weights of another form',
      text.replace('"members"', '"modelFiles": "mine", "members"'),
      /missing or of another/,
    ],
    ['was chosen somehow', text.replace('"members"', '"chosen": {"drawn": 1}, "members"'), /missing or of another/],
    ['has weights put in', text.replace('"members"', `"modelFiles": "${weights}", "members"`), /was changed/],
    ['has a field that no key has', text.replace('"members"', '"strength": 2, "members"'), /no key has: "strength"/],
    ['lacks its scheme', text.replace('"scheme"', '"method"'), /`scheme` missing/],
    ['has another id', text.replace(/"id": "../, '"id": "zz'), /was changed/],
  ])('is refused when it %s', (_, changed, message) => {
    expect(() => readKey(changed, 'key.json')).toThrow(message)
    try {
      readKey(changed, 'key.json')
    } catch (error) {
      expect((error as { code: string }).code).toBe('bad-option')
      expect(String(error)).not.toContain(secretText.slice(4, 20))
    }
  })

  it('is to be restored when it was damaged, and another file is not a key', () => {
    for (const damaged of [text.slice(0, 100), text.replace('"small"', '"large"')]) {
      expect(() => readKey(damaged, 'key.json')).toThrow(/Restore the file from a backup/)
    }
    expect(() => readKey('{}', 'key.json')).toThrow(/Pass the file of a key/)
  })

  it('is a text with a name: a path, or no name, is told as what it is', () => {
    const withoutTypes = readKey as (text?: unknown, name?: string) => unknown
    for (const path of ['key.json', '/tmp/keys/key.json', 'C:\\keys\\key']) {
      const isNamed = path.endsWith('.json')
      expect(() => withoutTypes(path)).toThrow(
        isNamed ? `got the path \`${path}\`. Read the file` : /the name of the key file for `name`, got none/,
      )
    }
    expect(() => withoutTypes(text)).toThrow(
      /the name of the key file for `name`, got none\. Say what messages call the key: `readKey\(text, 'key\.json'\)`/,
    )
    expect(() => withoutTypes(undefined, 'key.json')).toThrow(/for `text`, got undefined/)
  })

  it('is not made for what there is not', () => {
    expect(() => newKey({ ...fields, scheme: 'tree-rings' }, secret)).toThrow(/Did you mean `tree-ring`/)
    expect(() => newKey({ ...fields, scheme: 'prc', members: 2 }, secret)).toThrow(
      /Expected one member for `prc`, got 2\. This scheme has no families/,
    )
    expect(() => newKey({ ...fields, members: 0 }, secret)).toThrow(/members/)
    expect(() => newKey(fields, new Uint8Array(32))).toThrow(/32 random bytes for a secret, got zeros alone/)
    expect(() => newKey({ ...fields, latentShape: [4, 4] }, secret)).toThrow(/channels × height × width/)
    expect(() => newKey(fields, new Uint8Array(16))).toThrow(/32 bytes/)
  })

  it('has the members it says, and no others', () => {
    const key = readKey(text, 'key.json')
    expect(() => key.mark(500)).toThrow(/a member from 0 to 499/)
    expect(() => key.mark(-1)).toThrow(/a member from 0 to 499/)
    const shading = readKey(newKey({ ...fields, scheme: 'gaussian-shading' }, secret), 'key.json')
    expect(() => shading.identify(torchNoise(0, [4, 16, 16]))).toThrow(
      /a family of keys.*`identifyAll` and .* tell its message/,
    )
    const released = readKey(newKey({ ...fields, scheme: 'tree-ring:mask=released' }, secret), 'key.json')
    expect(() => released.identify(torchNoise(0, [4, 16, 16]))).toThrow(
      /a family of keys.*in the centred mask.*`detectAll` says/,
    )
  })
})

describe('untrusted keys', () => {
  const tampered = (change: Record<string, unknown>) => JSON.stringify({ ...JSON.parse(text), ...change })

  it('are refused when any letter of them was changed, one of another alphabet too', () => {
    for (const model of ['smalm', 'śmall', '\u{173}mall']) {
      expect(() => readKey(tampered({ model }), 'key.json')).toThrow(/its id does not follow/)
    }
  })

  it('are for noise that there may be', () => {
    expect(() => readKey(tampered({ latentShape: [4, 100_000, 100_000] }), 'key.json')).toThrow(
      /one for noise of 4×100000×100000/,
    )
    const large = { scheme: 'tree-ring:radius=300', model: 'm', latentShape: [4, 1024, 1024] }
    expect(() => newKey(large, secret)).toThrow(/from 1 to 256/)
    // The stream of a secret ends: members of very large masks are fewer than a million.
    const family = { ...large, scheme: 'tree-ring:radius=150', members: 1_000_000 }
    expect(() => newKey(family, secret)).toThrow(/1 to 9\d{5} members/)
  })
})

describe('checkKey', () => {
  const key = readKey(text, 'key.json')
  it('takes its own model and size', () => checkKey(key, { model: 'small', latentShape: [4, 16, 16] }))
  it('takes its own weights under another name, and says where those of its name are others', () => {
    const known = readKey(newKey({ ...fields, modelFiles: weights }, secret), 'key.json')
    const copy = { model: 'a-copy', modelFiles: weights }
    checkKey(known, { ...copy, latentShape: [4, 16, 16] })
    expect(hasOtherWeights(known, copy)).toBe(false)
    expect(hasOtherWeights(known, { model: 'small' })).toBe(false)
    const retrained = { model: 'small', modelFiles: 'fedcba9876543210' }
    checkKey(known, { ...retrained, latentShape: [4, 16, 16] })
    expect(hasOtherWeights(known, retrained)).toBe(true)
    expect(() => checkKeyModel(known, { ...retrained, model: 'another' })).toThrow(/a key of `another`/)
  })

  it('refuses others, and says what to do', () => {
    expect(() => checkKey(key, { model: 'sd21', latentShape: [4, 16, 16] })).toThrow(
      /got one of `small`. Pass the model/,
    )
    expect(() => checkKey(key, { model: 'small', latentShape: [4, 16, 24] })).toThrow(
      /got latents of 4 channels × 16×24.*make another key/,
    )
  })
})
