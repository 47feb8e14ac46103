/** Captions of scenes in lines that fit below their pictures. */

/** Size, colour and shape; place; background. */
export const captionLines = (prompt: string): readonly string[] =>
  prompt
    .replace(/ (on the|at the|in the) /, '\n$1 ')
    .replace(', ', '\n')
    .split('\n')
