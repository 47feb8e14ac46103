/** How people call the program: where npm started it, it is not on their path. */

/** Of `npx undiffuse …`, and of `npm start` in a checkout, where npx finds it too. */
const byNpm: readonly (string | undefined)[] = ['exec', 'start']

type Environment = Readonly<Record<string, string | undefined>>

/** What a command line begins with: `undiffuse` or `npx undiffuse`. */
export const programName = ({ npm_command: command }: Environment = process.env): string =>
  byNpm.includes(command) ? 'npx undiffuse' : 'undiffuse'

/** A text for people, whose command lines between backticks begin as they are to be typed. */
export const asTyped = (text: string, environment: Environment = process.env): string =>
  text.replace(/(?<=`)undiffuse(?=[ `])/g, programName(environment))
