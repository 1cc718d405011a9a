/**
 * Finds processes of ours by their environment: those that left their process group (setsid, double fork) too. The mark
 * holds the agent's random incarnation, so that nobody else's process is ever taken for one.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from './clock.ts';
import { agentMark } from './environment.ts';
import { allPids, processStat } from './process-stat.ts';

/** Returns the pids whose environment holds all of these `NAME=value`. None where there is no /proc. */
export function marked(marks: readonly (readonly string[])[]): number[] {
  const wanted = marks.map((mark) => mark.map((one) => `\0${one}\0`));
  return allPids().filter((pid) => {
    if (pid === process.pid) return false;
    let environment: string;
    try {
      environment = `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`;
    } catch {
      return false;
    }
    return wanted.some((mark) => mark.every((one) => environment.includes(one)));
  });
}

/** Kills them, again until none is left (they may fork meanwhile) or `rounds` are over; returns how many were killed. */
export function killMarked(marks: readonly (readonly string[])[], rounds = 5): number {
  const killed = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    const living = marked(marks).filter((pid) => !'ZX'.includes(processStat(pid)?.state ?? 'X'));
    if (living.length === 0) break;
    for (const pid of living) {
      try {
        process.kill(pid, 'SIGKILL');
        killed.add(pid);
      } catch {
        // It ended by itself.
      }
    }
  }
  return killed.size;
}

export interface Sweeper {
  /** Soon kills all that carries these besides the agent's own mark; one look at the machine serves many. */
  end(mark: readonly string[]): void;
  /** Kills all that this agent ever started, now. */
  endAll(): void;
}

export function sweeper(agent: string, clock: Clock): Sweeper {
  const ours = `${agentMark}=${agent}`;
  let marks: string[][] = [];
  return {
    end(mark) {
      marks.push([ours, ...mark]);
      if (marks.length > 1) return;
      clock.after(20, () => {
        const due = marks;
        marks = [];
        if (due.length > 0) killMarked(due);
      });
    },
    endAll() {
      marks = [];
      killMarked([[ours]]);
    },
  };
}
