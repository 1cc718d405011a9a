/** Numbers, durations, sizes and times as people read them. None of them reads a clock or a time zone. */
import { type SafeText, vouched } from './safe-text.ts';

const thousand = 1_000;
const bigUnits = ['', 'k', 'M', 'G', 'T'];
const sizeUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** What stands where nothing is known. */
export const unknown = vouched('–');

/** A count with spaces between thousands: `11 348`. */
export function grouped(count: number): SafeText {
  return vouched(String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ' '));
}

/** A count in at most 5 characters: `9 999` stays whole as `9999`, above that `18.2k`, `3.4M`. */
export function compact(count: number): SafeText {
  if (count < 10_000) return vouched(String(Math.round(count)));
  let unit = 0;
  let value = count;
  while (value >= thousand && unit < bigUnits.length - 1) {
    value /= thousand;
    unit++;
  }
  const text = value < 99.95 ? value.toFixed(1) : String(Math.round(value));
  return vouched(text + bigUnits[unit]);
}

/** A rate a second: `0`, `0.4`, `12.6`, `412`, `18.2k`. */
export function rate(perSecond: number): SafeText {
  if (perSecond <= 0) return vouched('0');
  if (perSecond < 99.95) return vouched(perSecond.toFixed(1));
  return compact(perSecond);
}

/** A percentage (0–100) without its sign: `7`, `81`, `100`. */
export function percent(value: number): SafeText {
  return vouched(String(Math.round(value)));
}

/** A duration in at most 6 characters: `0.8ms`, `340ms`, `4.1s`, `6m12s`, `3h04m`, `2d07h`. */
export function duration(ms: number): SafeText {
  if (ms < 10) return vouched(`${ms <= 0 ? '0' : ms.toFixed(1)}ms`);
  if (ms < 999.5) return vouched(`${Math.round(ms)}ms`);
  const seconds = ms / 1_000;
  if (seconds < 59.95) return vouched(`${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)}s`);
  return pair(Math.round(seconds));
}

/** A duration that runs while one looks, in whole seconds: `0s`, `12s`, `6m12s`. */
export function elapsed(ms: number): SafeText {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return seconds < 60 ? vouched(`${seconds}s`) : pair(seconds);
}

function pair(seconds: number): SafeText {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return vouched(`${minutes}m${two(seconds % 60)}s`);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return vouched(`${hours}h${two(minutes % 60)}m`);
  const days = Math.floor(hours / 24);
  return days < 1_000 ? vouched(`${days}d${two(hours % 24)}h`) : vouched(`${days}d`);
}

/** A size: `812 B`, `1.4 MiB`, `39 GiB`. */
export function size(bytes: number): SafeText {
  let unit = 0;
  let value = Math.max(0, bytes);
  while (value >= 1_023.5 && unit < sizeUnits.length - 1) {
    value /= 1_024;
    unit++;
  }
  const text = unit === 0 || value >= 99.95 ? String(Math.round(value)) : value.toFixed(1);
  return vouched(`${text} ${sizeUnits[unit]}`);
}

const dayMs = 86_400_000;

/** The time of day `12:04:31` of an instant, in the zone whose offset from UTC is given in minutes. */
export function clock(at: number, utcOffsetMinutes: number, withMs = false): SafeText {
  const local = at + utcOffsetMinutes * 60_000;
  const ms = Math.floor(local - Math.floor(local / dayMs) * dayMs);
  const seconds = Math.floor(ms / 1_000);
  const time = `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return vouched(withMs ? `${time}.${String(ms % 1_000).padStart(3, '0')}` : time);
}

/** Date and time of day, `2026-11-21 12:04:31`. */
export function dateAndClock(at: number, utcOffsetMinutes: number): SafeText {
  // Years that begin in March: the day that leap years add is their last.
  const days = Math.floor((at + utcOffsetMinutes * 60_000) / dayMs) + 719_468;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return vouched(`${year}-${two(month)}-${two(day)} ${clock(at, utcOffsetMinutes)}`);
}

/** `1 task`, `12 tasks`. */
export function counted<const T extends string>(count: number, noun: string extends T ? never : T): SafeText {
  return vouched(`${grouped(count)} ${noun}${count === 1 ? '' : 's'}`);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
