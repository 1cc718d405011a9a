/** One line that tells how far jobs are, rewritten in place on a terminal and absent elsewhere. */
import type { JobRow } from '../model/report.ts';
import { count, counted, duration } from './format.ts';
import type { Output } from './io.ts';
import { cellText, cutTo } from './plain-text.ts';

export interface Progress {
  /** `why` nothing of them runs, where that is known. */
  show(rows: readonly JobRow[], why?: string): Promise<void>;
  /** Takes the line away. */
  clear(): Promise<void>;
}

/** Returns a line at the end of `output`. */
export function progressLine(output: Output): Progress {
  let shown = false;
  return {
    async show(rows, why = '') {
      if (!output.isTerminal) return;
      shown = true;
      const text = progressText(rows) + (why === '' ? '' : ` · waits: ${cellText(why)}`);
      await output.write(`\r${cutTo(text, output.columns - 1)}\x1b[K`);
    },
    async clear() {
      if (shown) await output.write('\r\x1b[K');
      shown = false;
    },
  };
}

/** One line that tells how far something is. */
export interface ShareProgress {
  /** `share`: 0 to 1. */
  show(share: number): Promise<void>;
  /** Takes the line away. */
  clear(): Promise<void>;
}

/** Rewritten at most so often. */
const shareMs = 100;

/**
 * Returns a line at the end of `output` with the time that is left by the pace so far; `now` in ms. `what` it is stands
 * before.
 */
export function shareProgress(output: Output, now: () => number, what = ''): ShareProgress {
  const beganAt = now();
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    async show(share) {
      const at = now();
      if (!output.isTerminal || at - shownAt < shareMs) return;
      shownAt = at;
      await output.write(`\r${cutTo(what + shareText(share, at - beganAt), output.columns - 1)}\x1b[K`);
    },
    async clear() {
      if (shownAt > Number.NEGATIVE_INFINITY) await output.write('\r\x1b[K');
      shownAt = Number.NEGATIVE_INFINITY;
    },
  };
}

/**
 * The same for what cannot wait for its output, from the first call on; it goes away at the end. What cannot be shown is not.
 */
export function shareTeller(
  output: Output,
  now: () => number,
  what: string,
): { show(share: number): void; clear(): void } {
  let line: ShareProgress | null = null;
  const clear = (): void => void line?.clear().catch(() => {});
  return {
    show(share) {
      line ??= shareProgress(output, now, what);
      if (share < 1) void line.show(share).catch(() => {});
      else clear();
    },
    clear,
  };
}

/** `[████░░] 51% · ETA 12s` */
export function shareText(share: number, passedMs: number): string {
  const part = Math.min(1, Math.max(0, share));
  const eta = part > 0 && part < 1 ? ` · ETA ${duration((passedMs / part) * (1 - part))}` : '';
  return `${bar(part)} ${Math.floor(part * 100)}%${eta}`;
}

const barCells = 24;

function bar(share: number): string {
  const full = Math.floor(share * barCells);
  return `[${'█'.repeat(full)}${'░'.repeat(barCells - full)}]`;
}

/** `[████░░] 512/1 000 51% · 3 failed · ETA 12s` */
export function progressText(rows: readonly JobRow[]): string {
  const total = sum(rows, 'tasks');
  const failed = sum(rows, 'failed') + sum(rows, 'lost');
  const dropped = sum(rows, 'cancelled') + sum(rows, 'skipped');
  const done = sum(rows, 'succeeded') + failed + dropped;
  const share = total === 0 ? 0 : done / total;
  const etas = rows.filter(({ endedAt }) => endedAt === null).map(({ etaMs }) => etaMs);
  const known = etas.filter((eta) => eta !== null);
  const parts = [
    `${bar(share)} ${count(done)}/${count(total)} ${Math.floor(share * 100)}%`,
    `${count(sum(rows, 'running'))} running`,
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    ...(dropped > 0 ? [`${count(dropped)} cancelled`] : []),
    ...(known.length > 0 && known.length === etas.length ? [`ETA ${duration(Math.max(...known))}`] : []),
  ];
  const [first] = rows;
  return `${rows.length === 1 && first !== undefined ? `job ${first.job}` : `${rows.length} jobs`} ${parts.join(' · ')}`;
}

/** Says what did not go well, or null where all went well: `job 7: 3 of 1 000 tasks did not succeed (2 failed, 1 lost)`. */
export function complaintOf(row: JobRow): string | null {
  if (row.succeeded === row.tasks) return null;
  const kinds = (['failed', 'cancelled', 'skipped', 'lost'] as const)
    .filter((kind) => row[kind] > 0)
    .map((kind) => `${count(row[kind])} ${kind}`);
  return `job ${row.job}: ${count(row.tasks - row.succeeded)} of ${counted(row.tasks, 'task')} did not succeed (${kinds.join(', ')}): lbtop tasks ${row.job} shows them`;
}

function sum(
  rows: readonly JobRow[],
  field: 'tasks' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'skipped' | 'lost',
): number {
  return rows.reduce((total, row) => total + row[field], 0);
}
