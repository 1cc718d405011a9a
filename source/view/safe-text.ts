/**
 * Text that may go to a terminal. The type is branded: what came from outside does not compile into a line of the
 * interface before `displayText` has seen it; what the program writes itself is a literal, a number or a glyph.
 */
declare const safe: unique symbol;

/** Printable, on one line, free of anything that a terminal would obey. */
export type SafeText = string & { readonly [safe]: true };

/** Vouches for text that a module of `view` made of numbers, glyphs and safe parts. Never for foreign text. */
export function vouched(text: string): SafeText {
  return text as SafeText;
}

/** The program's own words: takes literals only, so that a variable of foreign origin does not compile. */
export function fixed<const T extends string>(text: string extends T ? never : T): SafeText {
  return text as unknown as SafeText;
}

/** One text of several. */
export function joined(...parts: readonly SafeText[]): SafeText {
  return parts.join('') as SafeText;
}
