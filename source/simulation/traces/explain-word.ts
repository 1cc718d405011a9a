/** `lbtop explain JOB.INDEX --replay FILE`: as of a running session, at the end of a recorded one. */
import { resolve } from 'node:path';
import type { CommandLine } from '../../client/command-line.ts';
import { usage } from '../../client/complaint.ts';
import type { Io } from '../../client/io.ts';
import { taskOf } from '../../client/targets.ts';
import { printExplanation } from '../../client/words/explain.ts';
import { explainRecorded } from '../../feed/explain-recording.ts';
import { openRecording } from '../../feed/recording.ts';
import { cursorOf } from '../../feed/trace-cursor.ts';

/** Explains a task of the recording that `--replay` names. Returns the exit code; throws LbtopError. */
export async function explainRecording({ flags, operands }: CommandLine, io: Io): Promise<number> {
  const [task = '', more] = operands;
  if (task === '' || more !== undefined) throw usage('explain needs one task: lbtop explain JOB.INDEX --replay FILE');
  const wanted = taskOf(task);
  const trace = await openRecording(resolve(io.cwd, flags.recorded ?? ''));
  try {
    const cursor = cursorOf(trace);
    cursor.goTo(trace.to);
    await printExplanation(io.stdout, explainRecorded(trace, cursor.state, trace.to, wanted), flags.json === true);
    return 0;
  } finally {
    trace.close();
  }
}
