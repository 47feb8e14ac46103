/** A count and what is counted: `1 step`, `2 steps`. */
export const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`
