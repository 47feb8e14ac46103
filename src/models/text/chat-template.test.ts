import { describe, expect, it } from 'vitest'
import type { Files } from '../../checkpoints/files.js'
import { openChatTemplate } from './chat-template.js'

/** A tokenizer's folder in memory. */
function folder(texts: Readonly<Record<string, string>>): Files {
  const at = (path: string) => texts[path.replace(/^folder\//, '')]
  return {
    size: async (path) => at(path)?.length,
    read: async (path, offset, length) => new TextEncoder().encode(at(path)).subarray(offset, offset + length),
    text: async (path) => at(path)!,
    decodeUtf8: (bytes) => new TextDecoder().decode(bytes),
    list: async () => Object.keys(texts),
    join: (...parts) => parts.join('/'),
  }
}

const withTemplate = async (template: string, config: object = {}) =>
  await openChatTemplate(
    folder({ 'chat_template.jinja': template, 'tokenizer_config.json': JSON.stringify(config) }),
    'folder',
  )

/** What Qwen3's own template says around a message, by the words that only such templates use. */
const qwenLike = `{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}`

describe('a chat template', () => {
  it('tells a message as transformers renders it', async () => {
    const chat = await withTemplate(qwenLike)
    const asked = '<|im_start|>user\na cat<|im_end|>\n<|im_start|>assistant\n'
    expect(chat('a cat', { thinking: true })).toBe(asked)
    expect(chat('a cat', { thinking: false })).toBe(`${asked}<think>\n\n</think>\n\n`)
  })

  it('is that of tokenizer_config.json where it has no file, alone or by the name default', async () => {
    const template = '{{ messages[0].content }}{{ eos_token }}'
    const listed = [
      { name: 'tool_use', template: 'no' },
      { name: 'default', template },
    ]
    for (const stated of [template, listed]) {
      const config = { chat_template: stated, eos_token: { content: '<end>' } }
      const chat = await openChatTemplate(folder({ 'tokenizer_config.json': JSON.stringify(config) }), 'folder')
      expect(chat('a cat', { thinking: true })).toBe('a cat<end>')
    }
  })

  it.each([
    ['loops for ever', '{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}', /steps/],
    ['asks for a long list', '{% for i in range(1000000000) %}{% endfor %}', /range/],
    [
      'doubles a list',
      '{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ messages[0].content }}',
      /longer/,
    ],
    [
      'doubles a text',
      "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ messages[0].content }}",
      /longer/,
    ],
    ['throws', "{{ raise_exception('no such role') }}", /no such role/],
    ['is cut', '{% for message in messages %}', /chat_template\.jinja/],
    ['asks the clock', "{{ strftime_now('%Y') }}{{ messages[0].content }}", /chat_template\.jinja/],
    ['does not tell the prompt', '{{ messages[0].role }}', /without the prompt/],
  ])('that %s is refused, naming its file', async (_, template, said) => {
    await expect(withTemplate(template)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(said),
    })
  })

  it('is asked for where a folder has none', async () => {
    const files = folder({ 'tokenizer_config.json': '{}' })
    await expect(openChatTemplate(files, 'folder')).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/chat_template\.jinja, or `chat_template` in tokenizer_config\.json/),
    })
  })
})
