/**
 * What readers of the Trace Event Format (Perfetto, chrome://tracing) ask of a file. No schema of it is published; this is
 * the part of "Trace Event Format" (Google, 2016) that tells of the events that we write, field for field.
 */

type Fields = Readonly<Record<string, (value: unknown) => boolean>>;

const text = (value: unknown): boolean => typeof value === 'string' && value !== '';
const whole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const micros = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const plain = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);
const counters = (value: unknown): boolean =>
  plain(value) && Object.values(value).length > 0 && Object.values(value).every((one) => Number.isFinite(one));

const common = { name: text, pid: whole, tid: whole, ts: micros } satisfies Fields;

/** By phase: what each event has, and nothing else. `cat` may be anywhere. */
const phases: Readonly<Record<string, Fields>> = {
  // Complete: a beginning and a duration.
  X: { ...common, dur: micros, args: plain },
  // Counter: series of one counter, each a number.
  C: { ...common, args: counters },
  // Instant: of the whole trace, a process or a thread.
  i: { ...common, s: (value) => ['g', 'p', 't'].includes(String(value)) },
  // Metadata: names of processes and threads.
  M: {
    ...common,
    name: (value) => value === 'process_name' || value === 'thread_name',
    args: (value) => plain(value) && Object.keys(value).join() === 'name' && text((value as { name: unknown }).name),
  },
};

/** Returns what is wrong with an event; null where nothing is. */
export function eventObjection(event: unknown): string | null {
  if (!plain(event)) return 'no object';
  const { ph, cat, ...rest } = event as Record<string, unknown>;
  const fields = phases[String(ph)];
  if (fields === undefined) return `no phase ${String(ph)}`;
  if (cat !== undefined && !text(cat)) return 'cat: a text';
  for (const name of Object.keys(rest)) if (fields[name] === undefined) return `${ph}: nobody knows ${name}`;
  for (const [name, fits] of Object.entries(fields)) if (!fits(rest[name])) return `${ph}: ${name}`;
  return null;
}

/** Returns what is wrong with a whole file in the JSON Object Format. */
export function fileObjections(file: unknown): string[] {
  if (!plain(file)) return ['no object'];
  const { traceEvents, displayTimeUnit, ...rest } = file as Record<string, unknown>;
  const wrong = Object.keys(rest);
  if (displayTimeUnit !== 'ms' && displayTimeUnit !== 'ns') wrong.push('displayTimeUnit');
  if (!Array.isArray(traceEvents)) return [...wrong, 'traceEvents'];
  return [...wrong, ...traceEvents.map(eventObjection).filter((one) => one !== null)];
}
