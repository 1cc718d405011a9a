/** What docs.asciinema.org/manual/asciicast/v2 asks of a cast. */

type Header = Record<string, unknown>;

const header: Readonly<Record<string, (value: unknown) => boolean>> = {
  version: (value) => value === 2,
  width: (value) => Number.isInteger(value) && (value as number) > 0,
  height: (value) => Number.isInteger(value) && (value as number) > 0,
  timestamp: (value) => Number.isInteger(value),
  duration: (value) => typeof value === 'number' && value >= 0,
  title: (value) => typeof value === 'string',
  env: (value) => Object.values(value as object).every((one) => typeof one === 'string'),
};

/** Returns what is wrong with a cast: its header, then each event, in order of time. */
export function castObjections(cast: string): string[] {
  if (!cast.endsWith('\n')) return ['the last line does not end'];
  const [first, ...events] = cast
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  const wrong: string[] = [];
  for (const [name, value] of Object.entries(first as Header))
    if (header[name]?.(value) !== true) wrong.push(`header: ${name}`);
  for (const name of ['version', 'width', 'height']) if (!(name in (first as Header))) wrong.push(`header: no ${name}`);
  let before = 0;
  for (const [i, event] of events.entries()) {
    const [at, code, data, ...more] = event as unknown[];
    const fits =
      typeof at === 'number' && at >= before && code === 'o' && typeof data === 'string' && more.length === 0;
    if (!fits) wrong.push(`event ${i}`);
    else before = at;
  }
  return wrong;
}
