/** Numbers as people read them in tables. */

/** What stands where nothing is known. */
export const unknown = '-';

/** `340ms`, `4.1s`, `6m12s`, `3h04m`, `2d07h`. */
export function duration(ms: number | null): string {
  if (ms === null) return unknown;
  if (ms < 999.5) return `${ms < 10 && ms > 0 ? ms.toFixed(1) : Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(ms < 9_950 ? 1 : 0)}s`;
  const seconds = Math.round(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h${two(minutes % 60)}m` : `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `812 B`, `1.4 MiB`. */
export function size(bytes: number | null): string {
  if (bytes === null) return unknown;
  let unit = 0;
  let value = bytes;
  while (value >= 1_023.5 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `81%`. */
export function percent(value: number | null): string {
  return value === null ? unknown : `${Math.round(value)}%`;
}

/** `11 348`. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `0.4`, `12.6`, `412`. */
export function rate(perSecond: number): string {
  return perSecond < 99.95 ? perSecond.toFixed(1) : count(perSecond);
}

/** `12:04:31` today, `2026-11-21 12:04` on other days, in local time. */
export function time(at: number | null, now: number): string {
  if (at === null) return unknown;
  const date = new Date(at);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const today = date.toDateString() === new Date(now).toDateString();
  return today ? `${clock}:${two(date.getSeconds())}` : `${day(date)} ${clock}`;
}

/** `2026-11-21 12:04:31.250`, in local time. */
export function exactTime(at: number): string {
  const date = new Date(at);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${day(date)} ${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `1 task`, `3 tasks`. */
export function counted(many: number, noun: string): string {
  return `${count(many)} ${noun}${many === 1 ? '' : 's'}`;
}

function day(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
