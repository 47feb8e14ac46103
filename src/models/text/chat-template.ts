/**
 * What a language model is told around a prompt: the folder's own chat template, chat_template.jinja or the field of
 * tokenizer_config.json. Templates are programs of others: they run by @huggingface/jinja with a bound on their steps and on
 * what they make, and know no clock.
 */
import { Environment, Interpreter, Template } from '@huggingface/jinja'
import type { Files } from '../../checkpoints/files.js'
import { describe, isJsonObject, readJsonObject, readText } from '../../checkpoints/json.js'
import { expected } from '../../core/errors.js'
import { contentOf } from './tokenizer-files.js'

export interface ChatTemplateOptions {
  /** Whether the model may think before it answers, where the template asks. */
  readonly thinking: boolean
}

/** The text of a prompt with what the template puts around it: one message of a user, and the beginning of an answer. */
export type ChatTemplate = (prompt: string, options: ChatTemplateOptions) => string

/** Far more than any template evaluates, or makes, for one message. */
const [mostSteps, mostLength] = [20_000, 1_000_000]

/** The template and where it stands. */
async function templateText(files: Files, folder: string): Promise<readonly [text: string, file: string]> {
  const own = files.join(folder, 'chat_template.jinja')
  if ((await files.size(own)) !== undefined) return [await readText(files, own), own]
  const configFile = files.join(folder, 'tokenizer_config.json')
  const { chat_template: stated } = await readJsonObject(files, configFile)
  // One template, or several by their names.
  const named = Array.isArray(stated)
    ? stated.find((each) => isJsonObject(each) && each.name === 'default')?.template
    : stated
  if (typeof named === 'string') return [named, configFile]
  const what = 'chat_template.jinja, or `chat_template` in tokenizer_config.json,'
  throw expected('bad-model', what, `\`${folder}\``, describe(stated), 'Fetch the complete model folder.')
}

/**
 * Opens the chat template of a tokenizer's folder.
 *
 * It is given `messages` (one, of the role user), `add_generation_prompt` true, `enable_thinking`, and the special tokens of
 * tokenizer_config.json. Errors: `bad-model` for a folder without a template, and for a template that is damaged, throws, or
 * does not end, naming the file. Source: transformers, apply_chat_template.
 *
 * @example
 * const chat = await openChatTemplate(nodeFiles, 'models/z-image-turbo/tokenizer')
 * chat('a cat', { thinking: true }) // <|im_start|>user\na cat<|im_end|>\n<|im_start|>assistant\n
 */
export async function openChatTemplate(files: Files, folder: string): Promise<ChatTemplate> {
  const [text, file] = await templateText(files, folder)
  const config = await readJsonObject(files, files.join(folder, 'tokenizer_config.json'))
  const special = ['bos_token', 'eos_token', 'pad_token', 'unk_token'].flatMap((name) => {
    const content = contentOf(config[name])
    return content === undefined ? [] : [[name, content] as const]
  })
  const fails = (reason: unknown) => {
    const got = reason instanceof Error ? reason.message : `${reason}`
    return expected(
      'bad-model',
      'a chat template that tells the prompt',
      `\`${file}\``,
      got,
      'Fetch the complete model folder.',
    )
  }
  const parsed = attempt(() => new Template(text).parsed, fails)
  const chat: ChatTemplate = (prompt, { thinking }) => {
    const given = {
      ...Object.fromEntries(special),
      messages: [{ role: 'user', content: prompt }],
      add_generation_prompt: true,
      enable_thinking: thinking,
      tools: null,
      documents: null,
    }
    return attempt(() => rendered(parsed, given), fails)
  }
  if (!chat(mark, { thinking: false }).includes(mark)) throw fails('text without the prompt')
  return chat
}

/** Stands for a prompt, to see whether the template tells it. */
const mark = '\uE000'

function attempt<Result>(run: () => Result, fails: (reason: unknown) => Error): Result {
  try {
    return run()
  } catch (reason) {
    throw fails(reason)
  }
}

function rendered(program: Template['parsed'], given: Readonly<Record<string, unknown>>): string {
  const environment = new Environment()
  for (const [name, value] of Object.entries({ ...globals, ...given })) environment.set(name, value)
  const interpreter = new Interpreter(environment)
  const evaluate: (statement: unknown, scope: unknown) => unknown = interpreter.evaluate.bind(interpreter)
  let steps = 0
  interpreter.evaluate = (statement: unknown, scope: unknown) => {
    if (++steps > mostSteps) throw new Error(`more than ${mostSteps} steps`)
    const found = evaluate(statement, scope)
    const { value } = found as { readonly value: unknown }
    if ((typeof value === 'string' || Array.isArray(value)) && value.length > mostLength) {
      throw new Error(`text or a list longer than ${mostLength}`)
    }
    return found
  }
  const { value } = interpreter.run(program)
  if (typeof value === 'string') return value
  throw new Error('no text')
}

/** What Jinja's templates of chats may call; a clock is not among it. */
const globals = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception(message: unknown) {
    throw new Error(`${message}`)
  },
  range: boundedRange,
}

/** Python's range, no longer than a template may take steps. */
function boundedRange(first: number, second?: number, step = 1): number[] {
  const [start, end] = second === undefined ? [0, first] : [first, second]
  const count = step === 0 ? Number.NaN : Math.max(0, Math.ceil((end - start) / step))
  if (!(count <= mostSteps)) throw new Error(`a range from ${start} to ${end} by ${step}`)
  return Array.from({ length: count }, (_, i) => start + i * step)
}
