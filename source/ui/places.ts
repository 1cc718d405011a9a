/** Where one goes: screens, and times of a replay. */
import type { Place } from './interface-state.ts';
import type { Reach } from './store.ts';

const dayMs = 86_400_000;

/** Shows another place; `below`: Esc comes back from it. */
export function openPlace(reach: Reach, place: Place, below: boolean): void {
  const state = reach.get();
  const behind = below ? [...state.behind, state.place].slice(-20) : [];
  reach.set({ ...state, place, behind, mode: { kind: 'table' } });
}

/** Goes to a time of a replay: `12:04`, `12:04:31`, `+90s`, `-5m`, `50%`. Returns false where it is none. */
export function goTo({ feed: { time }, get }: Reach, text: string): boolean {
  if (time === undefined) return false;
  const { at, from, to } = time.state();
  const said = text.trim();
  const [, share] = /^(\d+(?:\.\d+)?)%$/.exec(said) ?? [];
  if (share !== undefined) {
    time.seek(from + ((to - from) * Number(share)) / 100);
    return true;
  }
  const [, sign, amount, unit = 's'] = /^([+-])(\d+(?:\.\d+)?)(s|m|h)?$/.exec(said) ?? [];
  if (amount !== undefined) {
    const ms = Number(amount) * ({ s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? 1_000);
    time.seek(at + (sign === '-' ? -ms : ms));
    return true;
  }
  const [, hours, minutes, seconds = '0'] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(said) ?? [];
  if (hours === undefined || minutes === undefined) return false;
  const offsetMs = get().utcOffsetMinutes * 60_000;
  const midnight = Math.floor((at + offsetMs) / dayMs) * dayMs - offsetMs;
  const there = midnight + (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
  // Of the days around, the one whose time of day is known, or nearest to what is; then the one nearest to here.
  const outside = (instant: number): number => Math.max(from - instant, instant - to, 0);
  const [best = there] = [there, there - dayMs, there + dayMs].sort(
    (a, b) => outside(a) - outside(b) || Math.abs(a - at) - Math.abs(b - at),
  );
  time.seek(best);
  return true;
}
