/** What an operator asks for, as requests to a coordinator; and what came of it, in words. */
import { oneLine } from '../model/errors.ts';
import { isEndState } from '../model/job.ts';
import type { Command, Outcome } from './feed.ts';
import type { Asking } from './remote.ts';

/** Asks, and tells what became of it; never rejects. */
export async function outcomeOf(asking: Asking, command: Command): Promise<Outcome> {
  try {
    return { accepted: true, says: await act(asking, command) };
  } catch (error) {
    return { accepted: false, why: oneLine(error) };
  }
}

/** Returns why a command would be refused, asked of what changes nothing; null where nothing speaks against it. Never rejects. */
export async function objectionTo(asking: Asking, command: Command): Promise<string | null> {
  try {
    switch (command.kind) {
      case 'drain':
        await asking.request('drain-preview', { nodes: [...command.nodes], all: false });
        return null;
      case 'cancel':
        return await cancelObjection(asking, command);
      default:
        return null;
    }
  } catch (error) {
    return oneLine(error);
  }
}

async function cancelObjection(
  asking: Asking,
  { job, index }: { job: number; index: number | null },
): Promise<string | null> {
  if (index !== null) {
    const { state } = await asking.request('explain', { job, index });
    return isEndState(state) ? `task ${job}.${index} has ended: ${state}` : null;
  }
  const [row] = await asking.request('jobs', { from: job, count: 1 });
  if (row?.job !== job) return `there is no job ${job}`;
  return row.endedAt === null ? null : `job ${job} has ended: ${row.state}`;
}

/** Asks for what a command wants; returns what was done. */
async function act(asking: Asking, command: Command): Promise<string> {
  const all = false;
  switch (command.kind) {
    case 'pause': {
      const { nodes, reason } = command;
      return `paused ${names((await asking.request('pause', { nodes: [...nodes], all, reason })).nodes)}`;
    }
    case 'resume': {
      const { nodes, reason } = command;
      return `resumed ${names((await asking.request('resume', { nodes: [...nodes], all, reason })).nodes)}`;
    }
    case 'drain': {
      const { nodes, reason, now } = command;
      const done = await asking.request('drain', { nodes: [...nodes], all, reason, now, deadlineMs: null });
      return `draining ${names(done.nodes)}`;
    }
    case 'throttle': {
      const { nodes, share } = command;
      const done = await asking.request('throttle', { nodes: [...nodes], all, share });
      return `throttled ${names(done.nodes)} to ${Math.round(share * 100)} %`;
    }
    case 'cancel': {
      const { job, index } = command;
      return `cancelled ${tasks((await asking.request('cancel', { job, index })).tasks)} of job ${job}`;
    }
    case 'retry': {
      const { job, index, onlyFailed } = command;
      return `queued ${tasks((await asking.request('retry', { job, index, onlyFailed })).tasks)} of job ${job} again`;
    }
    case 'purge':
      await asking.request('purge', { job: command.job });
      return `forgot job ${command.job}`;
    case 'pause-queue':
      await asking.request('pause-queue', { paused: command.paused, reason: command.reason });
      return command.paused ? 'queue paused: nothing new starts' : 'queue resumed';
    case 'policy': {
      const now = await asking.request('policy', { policy: command.policy, queue: command.queue });
      return `policy ${now.policy}, queue ${now.queue}`;
    }
    case 'record': {
      const { file } = await asking.request('record', { file: command.file });
      return file === null ? 'recording ended' : `recording to ${file}`;
    }
    case 'shutdown':
      await asking.request('shutdown', { reason: command.reason });
      return 'the coordinator ends';
  }
}

function names(nodes: readonly string[]): string {
  return nodes.length <= 3 ? nodes.join(', ') || 'no node' : `${nodes.length} nodes`;
}

function tasks(count: number): string {
  return count === 1 ? '1 task' : `${count} tasks`;
}
