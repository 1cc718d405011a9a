/** The terminal as it was before another process had it: who is killed gives nothing back. */
import { spawnSync } from 'node:child_process';

/** Leaves the alternate screen, shows the cursor, ends colours, mouse and paste modes: what a killed interface left. */
const restored = '\x1b[?1049l\x1b[?7h\x1b[?25h\x1b[0m\x1b[?1000l\x1b[?1002l\x1b[?1006l\x1b[?2004l\x1b[?2026l';

/** Looks how the terminal is set; returns what sets it so again. Node itself cannot tell: `stty` does, where there is one. */
export function keepTerminal(): () => void {
  const { status, stdout } = spawnSync('stty', ['-g'], { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' });
  return () => {
    process.stdout.write(restored);
    if (status === 0) spawnSync('stty', [stdout.trim()], { stdio: ['inherit', 'ignore', 'ignore'] });
  };
}
