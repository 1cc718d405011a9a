/**
 * Ends what this agent has started when the agent itself is killed without warning: a small shell that reads a pipe from
 * the agent and, when that breaks, kills the agent's control groups or, where it has none, the process groups that it was
 * told of and then all that carries the agent's mark; and removes the agent's private directory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { agentMark } from './environment.ts';
import type { GroupRegistry } from './runners/starter.ts';

export interface Guard extends GroupRegistry {
  /** All has been ended in order: there is nothing to guard any more. */
  close(): void;
}

/** Its arguments: the mark, the private directory, that of the control groups (empty: none). Its input: `+ GROUP`, `- GROUP`, and `.` for goodbye. */
const script = `
trap '' HUP INT QUIT TERM
groups=' '
clear() {
  [ -n "$3" ] || return
  for round in 1 2 3 4 5 6 7 8 9 10; do
    rmdir "$3"/* "$3" 2>/dev/null
    [ -d "$3" ] || return
    sleep 0.1
  done
}
while read -r what group; do
  case $what in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="\${groups%% $group *} \${groups#* $group }" ;; esac ;;
    .) clear "$@"; exit 0 ;;
  esac
done
[ -n "$3" ] && echo 1 >"$3/cgroup.kill"
for group in $groups; do kill -9 -- "-$group"; done
[ -n "$3" ] || for round in 1 2 3; do
  for file in $(grep -lsaF "$1" /proc/[0-9]*/environ); do
    file=\${file#/proc/}
    kill -9 "\${file%/environ}"
  done
done
rm -rf -- "$2"
clear "$@"
`;

/** A guard that ends at once would be started again and again. */
const restarts = 10;

/** Starts the guard of the agent of that incarnation; where that cannot be, the agent goes on without one. */
export function openGuard(agent: string, dir: string, groupsDir: string | null): Guard {
  const groups = new Set<number>();
  let child: ChildProcess | null = null;
  let closed = false;
  let starts = 0;

  function start(): void {
    if (closed || starts++ > restarts) return;
    try {
      const made = spawn('/bin/sh', ['-c', script, 'lbtop-guard', `${agentMark}=${agent}`, dir, groupsDir ?? ''], {
        env: { PATH: process.env.PATH },
        cwd: '/',
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      child = made;
      made.on('error', () => {}); // then there is none
      made.stdin.on('error', () => {}); // 'exit' follows
      made.once('exit', () => {
        child = null;
        start();
      });
      made.unref();
      for (const group of groups) say(`+ ${group}`);
    } catch {
      child = null;
    }
  }

  function say(line: string): void {
    child?.stdin?.write(`${line}\n`);
  }

  start();
  return {
    began(group) {
      groups.add(group);
      say(`+ ${group}`);
    },
    gone(group) {
      if (groups.delete(group)) say(`- ${group}`);
    },
    close() {
      closed = true;
      say('.');
      child?.stdin?.end();
    },
  };
}
