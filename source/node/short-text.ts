const mostCharacters = 200;

/** Shortens a text of any length for a one-line message. */
export function shortText(text: string): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters)}…`;
}
