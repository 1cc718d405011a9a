#!/usr/bin/env node
/**
 * From what was typed to what runs. Everything is loaded when it is needed and not before: a word takes milliseconds, and
 * neither a word nor a node nor a headless coordinator ever loads the interface.
 */
import { type CommandLine, parseCommandLine } from './source/client/command-line.ts';
import { usage } from './source/client/complaint.ts';
import type { Flags, WordName } from './source/client/flags.ts';
import { type Io, type OwnOutput, printJson, printLine, processIo } from './source/client/io.ts';
import { complain, runWord } from './source/client/main.ts';
import { type Places, places } from './source/client/places.ts';
import { readSettings } from './source/client/settings.ts';
import { coordinatorFlags, nodeFlags, replayFlags, startSmall } from './source/client/v8-flags.ts';
import { LbtopError, oneLine } from './source/model/errors.ts';
import type { StartOptions } from './source/ui/start.tsx';

/** What runs this program once more: the interface of a coordinator, the processes of the demo. */
const program: [string, ...string[]] = [process.execPath, import.meta.filename];
/** Of the interface: nodes say how they are once a second; what a key asks for comes at once. */
const windowsPerSecond = 2;

/** Returns the exit code. Throws LbtopError. */
async function main(argv: readonly string[], io: Io & { stdout: OwnOutput }, where: Places): Promise<number> {
  const line = parseCommandLine(argv, { env: io.env, settings: () => readSettings(where.settingsFile) });
  const { asks, mode, word, flags } = line;
  if (asks !== null) return tell(asks, word, io);
  if (word !== null) {
    const code = await carryOut({ ...line, word }, io, where);
    await io.stdout.settled();
    return code;
  }
  switch (mode) {
    case 'coordinator':
      return coordinate(flags, io, where);
    case 'node':
      return work(flags, io, where);
    case 'demo':
      return demonstrate(io);
    case 'replay':
      return replay(flags, io);
    default:
      return attach(flags, io, where);
  }
}

function carryOut(line: CommandLine & { word: WordName }, io: Io, where: Places): Promise<number> {
  if (line.word === 'simulate') return simulate(line, io);
  if (line.word === 'trace') return trace(line, io);
  if (line.word === 'whatif') return whatIf(line, io);
  if (line.word === 'explain' && line.flags.recorded !== undefined) return explainRecorded(line, io);
  return runWord(line, io, where);
}

/** meow finds our package.json and shows pages as people expect them; what was typed is read by our own parser. */
async function tell(what: 'help' | 'version', word: WordName | null, io: Io): Promise<number> {
  const [{ default: meow }, { helpFor }] = await Promise.all([import('meow'), import('./source/client/help.ts')]);
  const page = meow(helpFor(word, io.stdout.isTerminal ? io.stdout.columns : undefined), {
    importMeta: import.meta,
    argv: [],
    description: false,
    helpIndent: 0,
  });
  if (what === 'version') page.showVersion();
  else page.showHelp(0);
  return 0;
}

async function coordinate(flags: Flags, io: Io, where: Places): Promise<number> {
  startSmall(coordinatorFlags);
  const [
    { runCoordinator },
    { loadOrCreateSecret },
    { certificateOf },
    { join },
    local,
    { packageVersion },
    terminal,
    progress,
  ] = await Promise.all([
    import('./source/coordinator/main.ts'),
    import('./source/wire/secret.ts'),
    import('./source/client/credential.ts'),
    import('node:path'),
    import('./source/client/places.ts'),
    import('./source/client/version.ts'),
    import('./source/client/terminal.ts'),
    import('./source/client/progress.ts'),
  ]);
  if (flags.standby === true && flags.store === undefined)
    throw usage('--standby waits for the lead in an engine: say which with --store etcd://HOST:2379,HOST:2379');
  if (flags.store !== undefined && flags.data !== undefined)
    throw usage('durable state is in one place: leave out --store or --data');
  const secretFile = flags.secretFile ?? where.secretFile;
  const certificate = await certificateOf(flags, 'coordinator');
  // An interface would show a certificate of its own: it is not started, but attached by whoever has one.
  const visible = isTerminal(io) && flags.headless !== true && certificate === null;
  const recovery = progress.shareTeller(io.stderr, io.now, 'reading the journal ');
  return runCoordinator({
    host: flags.host ?? '127.0.0.1',
    port: flags.port ?? local.defaultPort,
    secret: certificate ?? (await loadOrCreateSecret(secretFile)),
    ...(certificate === null ? { secretFile } : {}),
    version: packageVersion(),
    policy: flags.policy ?? null,
    queue: flags.queue ?? null,
    cpuLimit: flags.cpuLimit ?? null,
    data: flags.store !== undefined || flags.data === 'none' ? null : (flags.data ?? where.dataDirectory),
    forceOlderData: flags.forceOlderData === true,
    purgeAfterMs: flags.purgeAfter ?? null,
    keepTasks: flags.keepTasks ?? null,
    store: flags.store ?? null,
    standby: flags.standby === true,
    record: flags.record ?? null,
    metrics: flags.metrics ?? null,
    recovering: recovery.show,
    logFile: join(where.stateDirectory, 'coordinator.log'),
    logFormat: flags.logFormat ?? 'text',
    interfaceCommand: visible
      ? (address) => [...program, '--attach', address, '--owner', '--secret-file', secretFile]
      : null,
    keepTerminal: terminal.keepTerminal,
    onListening(address) {
      const listening = local.parseAddress(address);
      const other = local.readCoordinatorFile(where.coordinatorFile);
      if (other !== null && other.pid !== process.pid && isRunning(other.pid))
        void printLine(
          io.stderr,
          `lbtop: words go to the coordinator that is here already: --connect ${address} for this`,
        );
      else if (listening !== undefined)
        local.writeCoordinatorFile(where.coordinatorFile, { ...listening, pid: process.pid });
    },
    onEnded: () => local.removeCoordinatorFile(where.coordinatorFile, process.pid),
  }).finally(recovery.clear);
}

async function work(flags: Flags, io: Io, where: Places): Promise<number> {
  startSmall(nodeFlags);
  const [
    { runNode },
    { credentialInTime, credentialAgain },
    { findWhereabouts },
    os,
    { resolve },
    { packageVersion },
    { keepTerminal },
    { houseRules },
  ] = await Promise.all([
    import('./source/node/main.ts'),
    import('./source/client/credential.ts'),
    import('./source/client/find-address.ts'),
    import('node:os'),
    import('node:path'),
    import('./source/client/version.ts'),
    import('./source/client/terminal.ts'),
    import('./source/node/house-rules.ts'),
  ]);
  const found = findWhereabouts(flags, where);
  const complain = (line: string): void => void printLine(io.stderr, `lbtop: ${line}`).catch(() => {});
  const secret = await credentialInTime(flags, where, found, complain);
  const leader =
    'engine' in found ? (await import('./source/client/engine-leader.ts')).watchLeader(found.engine) : undefined;
  return runNode({
    agent: {
      coordinators: 'engine' in found ? [] : found,
      leader,
      name:
        flags.nodeName ??
        (os
          .hostname()
          .replace(/[^A-Za-z0-9._-]/g, '-')
          .slice(0, 64) ||
          'node'),
      slots: flags.slots ?? null,
      labels: flags.label ?? {},
      resources: flags.resource ?? {},
      throttle: flags.throttle ?? 1,
      cpuLimit: flags.cpuLimit ?? null,
      onCoordinatorLost: flags.onCoordinatorLost ?? 'finish',
      listen: flags.listen ?? null,
      rules: houseRules({
        ...(flags.allow && { allow: flags.allow }),
        ...(flags.workRoot && { workRoot: resolve(io.cwd, flags.workRoot) }),
        ...(flags.runAs && { runAs: flags.runAs }),
      }),
      handlers: flags.handlers === undefined ? null : resolve(io.cwd, flags.handlers),
      stateDir: where.stateDirectory,
      secret,
      secretAgain: credentialAgain(flags, where, secret, complain),
      version: packageVersion(),
    },
    metrics: flags.metrics ?? null,
    logFormat: flags.logFormat ?? 'text',
    // Loaded by a process of its own: never by the node.
    keepTerminal,
    viewFile: isTerminal(io) ? new URL('./source/ui/own-process.js', import.meta.url) : null,
    // Nobody may read the log any more: the tasks go on.
    print: (text) => void printLine(io.stdout, text).catch(() => {}),
    onInterrupt: io.onInterrupt,
    exit: io.exit,
  }).finally(() => leader?.close());
}

async function demonstrate(io: Io): Promise<number> {
  const { runDemo } = await import('./source/simulation/demo.ts');
  const end = new AbortController();
  let stopped = false;
  const release = io.onInterrupt(() => {
    if (stopped) io.exit(130);
    stopped = true;
    end.abort();
  });
  // Its terminal went away: nobody would end the fleet.
  const hangUp = (): void => {
    stopped = true;
    end.abort();
  };
  process.once('SIGHUP', hangUp);
  /** While the interface has the terminal, lines wait. */
  let held: string[] | null = null;
  const print = (text: string): void => {
    if (held === null) void printLine(io.stdout, text).catch(() => end.abort());
    else held.push(text);
  };
  const showThere = async (address: string, env: NodeJS.ProcessEnv): Promise<void> => {
    held = [];
    const { spawn } = await import('node:child_process');
    const [command, ...first] = program;
    const child = spawn(command, [...first, '--attach', address], { env, stdio: 'inherit' });
    await new Promise<void>((resolve) => {
      child.on('exit', () => resolve());
      child.on('error', () => resolve());
    });
    const lines = held;
    held = null;
    for (const text of lines) print(text);
  };
  try {
    return await runDemo({ program, print, show: isTerminal(io) ? showThere : null, signal: end.signal });
  } catch (error) {
    if (stopped) return 130;
    throw error;
  } finally {
    release();
  }
}

async function simulate({ flags, operands }: CommandLine, io: Io): Promise<number> {
  if (operands.length > 0) throw usage(`too much after simulate: see lbtop simulate --help`);
  const { runSimulate } = await import('./source/simulation/simulate.ts');
  return runSimulate(flags, io);
}

async function trace(line: CommandLine, io: Io): Promise<number> {
  const { runTrace } = await import('./source/simulation/traces/trace-word.ts');
  return runTrace(line, io, async (recording, options) => {
    process.env.NODE_ENV = 'production';
    const { writeCast } = await import('./source/ui/cast.tsx');
    await writeCast(recording, { ...options, columns: 120, rows: 36 });
  });
}

async function explainRecorded(line: CommandLine, io: Io): Promise<number> {
  const { explainRecording } = await import('./source/simulation/traces/explain-word.ts');
  return explainRecording(line, io);
}

async function whatIf(line: CommandLine, io: Io): Promise<number> {
  const { runWhatIf } = await import('./source/simulation/traces/what-if.ts');
  return runWhatIf(line, io);
}

async function attach(flags: Flags, io: Io, where: Places): Promise<number> {
  const { openClient } = await import('./source/client/find.ts');
  const readOnly = flags.readOnly === true;
  const connect = typeof flags.attach === 'object' ? flags.attach : flags.connect;
  // Whoever cannot be reached is told first: `lbtop` alone says how to start a coordinator.
  const open = () => openClient({ ...flags, connect }, where, { role: readOnly ? 'viewer' : 'operator' });
  let client = await open();
  try {
    needTerminal(io, 'lbtop status, lbtop nodes and lbtop events -f do without');
    const [{ remoteFeed }, { withPast }, { fetchPast }] = await Promise.all([
      import('./source/feed/remote.ts'),
      import('./source/feed/live-past.ts'),
      import('./source/feed/fetch-past.ts'),
    ]);
    const asking = () => ({ request: client.request, stream: client.open });
    const again = async () => {
      client.close();
      client = await open();
      return asking();
    };
    const owner = flags.owner === true;
    // Whose coordinator is gone has nothing to wait for: it was its own. One that is there has a new secret.
    const once = () =>
      again().catch((error: unknown) => {
        throw new LbtopError('refused', oneLine(error));
      });
    const live = remoteFeed(asking(), {
      rateHz: windowsPerSecond,
      mayAct: !readOnly,
      again: owner ? once : again,
    });
    const feed = withPast(live, () => fetchPast(asking()));
    return await show({ feed, title: client.address, readOnly, owner }, io);
  } finally {
    client.close();
  }
}

async function replay(flags: Flags, io: Io): Promise<number> {
  const file = flags.replay ?? '';
  if (isTerminal(io) && flags.json !== true) {
    startSmall(replayFlags);
    const [{ openPlayer }, { basename }] = await Promise.all([import('./source/feed/player.ts'), import('node:path')]);
    const feed = await openPlayer(file);
    return show({ feed, title: basename(file), readOnly: true, owner: false }, io);
  }
  const { summarise, summaryLines } = await import('./source/feed/summary.ts');
  const summary = await summarise(file);
  if (flags.json) await printJson(io.stdout, summary);
  else for (const text of summaryLines(summary, -new Date().getTimezoneOffset())) await printLine(io.stdout, text);
  return 0;
}

/** Ink and React are loaded here and nowhere else, in their production form. */
async function show(options: Pick<StartOptions, 'feed' | 'title' | 'readOnly' | 'owner'>, io: Io): Promise<number> {
  process.env.NODE_ENV = 'production';
  const { startInterface } = await import('./source/ui/start.tsx');
  const { message, code } = await startInterface({
    ...options,
    stdin: process.stdin,
    stdout: process.stdout,
    env: io.env,
  });
  if (message !== null) await printLine(io.stderr, `lbtop: ${message}`);
  return code;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function isTerminal(io: Io): boolean {
  return io.stdout.isTerminal && process.stdin.isTTY === true;
}

function needTerminal(io: Io, instead: string): void {
  if (!isTerminal(io)) throw usage(`the interface needs a terminal: ${instead}`);
}

const io = processIo();
try {
  process.exitCode = await main(process.argv.slice(2), io, places(io.env));
} catch (error) {
  process.exitCode = await complain(io, error);
}
// What is still open now is nobody's: output has been written, or waits for a reader until then.
setTimeout(() => process.exit(), 1_000).unref();
