/** Methods and their options as `--help` lists them, from their definitions. */
import { type Definition, describeField, type Field } from 'undiffuse'

const wide = 28

function optionLine([name, field]: readonly [string, Field]): string {
  const value = field.default === undefined ? name : `${name}=${field.default}`
  return `      ${value.padEnd(wide - 2)}${field.description} (${describeField(field)})`
}

/** A heading, then each method's id and title with its options below: defaults, meaning, range. */
export function describeMethods(
  heading: string,
  methods: readonly { readonly definition: Definition<unknown> }[],
): string {
  const lines = methods.flatMap(({ definition: { id, title, fields } }) => [
    `  ${id.padEnd(wide)}${title}`,
    ...Object.entries(fields).map(optionLine),
  ])
  return [`\n${heading}`, ...lines].join('\n')
}
