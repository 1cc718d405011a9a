/** What the local store does beside the contract: its files, its lock, deaths of its process, a disk that is full. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { groupCommit } from '../../source/journal/commit.ts';
import { openLocalStore } from '../../source/journal/local.ts';
import { recover } from '../../source/journal/recover.ts';
import type { Store } from '../../source/journal/store.ts';
import { isFault } from '../../source/journal/store-error.ts';
import type { Fact } from '../../source/model/fact.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { batchOf, bytesOf, collect, outputOf, resultOf, text, until } from './store-conformance.ts';

const script = fileURLToPath(new URL('./journal-process.ts', import.meta.url));
const me = { id: 'test', address: 'here:1' };

let directory: string;
let children: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbtop-local-'));
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  rmSync(directory, { recursive: true });
});

/** Starts a process on a journal; `lines` are those that it has said. */
function start(work: string, on: string) {
  const child = spawn(process.execPath, [script, work, on], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines: string[] = [];
  const reading = createInterface({ input: child.stdout });
  reading.on('line', (line) => lines.push(line));
  const ended = Promise.all([once(child, 'exit'), once(reading, 'close')]);
  return { child, lines, ended };
}

const full = expect.toSatisfy((error) => isFault(error, 'full'));

describe('the local store', () => {
  it('refuses a directory in which everybody may write', async () => {
    const open = join(directory, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    await expect(openLocalStore({ directory: open })).rejects.toThrow(
      `everybody may write in ${open}: run chmod o-w ${open}, or choose another --data`,
    );
    expect(readdirSync(open)).toEqual([]);
    chmodSync(open, 0o775);
    await (await openLocalStore({ directory: open })).close();
  });

  it('makes its directory and files for its owner alone, whatever the umask', async () => {
    const before = process.umask(0);
    const at = join(directory, 'deep', 'down');
    const store = await openLocalStore({ directory: at });
    process.umask(before);
    const term = await store.campaign(me);
    await term.append(1, batchOf('a'));
    expect(statSync(at).mode & 0o777).toBe(0o700);
    const files = readdirSync(at);
    expect(files).toContain('journal.db-wal');
    for (const file of files) expect([file, statSync(join(at, file)).mode & 0o777]).toEqual([file, 0o600]);
    await store.close();
  });

  it('says in one line why a directory cannot be had', async () => {
    writeFileSync(join(directory, 'file'), '');
    await expect(openLocalStore({ directory: join(directory, 'file') })).rejects.toThrow(
      /^cannot keep a journal in .*file.*--data$/,
    );
    await expect(openLocalStore({ directory: join(directory, 'none'), readOnly: true })).rejects.toThrow();
  });

  it('is one process’s: another is refused with one line, also in the same process, and it vanishes with a kill -9', async () => {
    const holder = start('hold', directory);
    await until(() => holder.lines.length > 0);
    const tries = Array.from({ length: 20 }, () => start('try', directory));
    await Promise.all(tries.map(({ ended }) => ended));
    const refusal = `${directory} is in use by another coordinator (process ${holder.child.pid}, nowhere:1): end that one, or choose another --data`;
    expect(tries.map(({ lines }) => lines)).toEqual(Array.from({ length: 20 }, () => [refusal]));
    await expect(openLocalStore({ directory })).rejects.toThrow(refusal);
    holder.child.kill('SIGKILL');
    await holder.ended;
    const store = await openLocalStore({ directory });
    await expect(openLocalStore({ directory })).rejects.toThrow(/in use/);
    // The refused try has not freed the lock of the first.
    const third = start('try', directory);
    await third.ended;
    expect(third.lines[0]).toMatch(/in use/);
    await store.close();
    await (await openLocalStore({ directory })).close();
  });

  it('loses nothing acknowledged and has no half batch after a kill -9 at any time', async () => {
    let known = 0;
    const snapshots = new Set<number>();
    for (let round = 0; round < 15; round++) {
      const writer = start('commit', directory);
      await until(() => writer.lines.length > 1);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      writer.child.kill('SIGKILL');
      await writer.ended;
      const acknowledged = writer.lines.slice(1).map(Number);
      const store = await openLocalStore({ directory });
      const ordinals: number[] = [];
      const recovered = await recover(store, {
        async snapshot(chunks) {
          for await (const chunk of chunks) for (let i = 0; i < Number(text(chunk)); i++) ordinals.push(i);
        },
        facts: (facts) => void ordinals.push(...facts.map((fact) => (fact.kind === 'assigned' ? fact.ordinal : -1))),
      });
      expect(recovered.missing).toBe(0);
      if (recovered.snapshot > 0) snapshots.add(recovered.snapshot);
      expect(ordinals).toEqual(Array.from({ length: ordinals.length }, (_, i) => i));
      expect(ordinals.length).toBeGreaterThan(Math.max(known, ...acknowledged));
      known = ordinals.length - 1;
      const { tasks, next } = await page(store, known + 100);
      expect(next).toBeNull();
      expect(tasks.map(({ ordinal }) => ordinal)).toEqual(ordinals);
      for (const { ordinal, result, streams } of tasks)
        expect([result, text(streams[0].data)]).toEqual([`${ordinal}`, `output of ${ordinal}`]);
      await store.close();
    }
    expect(known).toBeGreaterThan(100);
    expect(snapshots.size).toBeGreaterThan(3);
  });

  async function page(store: Store, count: number) {
    const tasks = [];
    let next: number | null = 0;
    while (next !== null) {
      const found = await store.readTasks(1, next, count - next, 100);
      tasks.push(...found.tasks);
      next = found.next;
    }
    return { tasks, next };
  }

  it('can be read beside its writer, as it was when the reading began', async () => {
    const store = await openLocalStore({ directory });
    const term = await store.campaign(me);
    for (let seq = 1; seq <= 5; seq++) await term.append(seq, batchOf(`${seq}`, resultOf(`${seq}`, { ordinal: seq })));
    const view = await openLocalStore({ directory, readOnly: true });
    await term.append(6, batchOf('6'));
    await term.saveSnapshot(4, [bytesOf('four')]);
    expect(await view.snapshot()).toBeNull();
    expect((await collect(view.read(1))).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(await view.readResult(1, 5, 1)).toBe('5');
    await expect(view.campaign(me)).rejects.toThrow(/reading only/);
    await view.close();
    await store.close();
    // Also without a writer, and nothing is changed by it.
    const before = readdirSync(directory);
    const alone = await openLocalStore({ directory, readOnly: true });
    expect((await alone.snapshot())?.seq).toBe(4);
    await alone.close();
    expect(readdirSync(directory).filter((file) => !file.startsWith('journal.db-'))).toEqual(
      before.filter((file) => !file.startsWith('journal.db-')),
    );
  });

  it('gives the room of what is replaced and forgotten back, bit by bit', async () => {
    const store = await openLocalStore({ directory });
    const term = await store.campaign(me);
    const megabyte = 'x'.repeat(1024 * 1024);
    for (let seq = 1; seq <= 40; seq++)
      await term.append(seq, batchOf(megabyte, outputOf(0, megabyte, { ordinal: seq })));
    const large = store.bytes();
    expect(large).toBeGreaterThan(80_000_000);
    await term.append(41, batchOf('', { kind: 'forget', job: 1 }));
    await term.saveSnapshot(41, [bytesOf('s')]);
    let seq = 42;
    await until(async () => {
      await term.append(seq++, batchOf('x'.repeat(100_000)));
      return statSync(join(directory, 'journal.db')).size < large / 2;
    });
    await store.close();
  });

  it('acknowledges nothing more after a sync that failed, and starts again from the disk', async ({ skip }) => {
    const available = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0;
    if (!available) {
      console.log('skipped: errors of the disk need strace');
      return skip('needs strace');
    }
    const inject = ['-f', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=8'];
    const { stdout, status } = spawnSync('strace', [...inject, process.execPath, script, 'commit', directory], {
      encoding: 'utf8',
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(
      /^the journal cannot be written or read \(EIO: i\/o error, fdatasync\): see to its disk/,
    );
    expect(status).toBe(1);
    const store = await openLocalStore({ directory });
    const acknowledged = Math.max(...lines.slice(1, -1).map(Number));
    expect(await store.readResult(1, acknowledged, 1)).toBe(`${acknowledged}`);
    await store.close();
  });

  it('refuses what is asked after it was closed', async () => {
    const store = await openLocalStore({ directory });
    const term = await store.campaign(me);
    await store.close();
    await expect(term.append(1, batchOf('a'))).rejects.toEqual(expect.toSatisfy((error) => isFault(error, 'fenced')));
    await expect(store.campaign(me)).rejects.toThrow(/closed/);
    await store.close();
  });
});

describe('a full disk', () => {
  it('is said before it refuses; refuses and stays usable; goes on when there is room again', async ({ skip }) => {
    using disk = smallDisk(16);
    if (disk === null) return skip('needs root');
    const data = join(disk.directory, 'data');
    const store = await openLocalStore({ directory: data });
    const said: (string | null)[] = [];
    store.onFull((reason) => said.push(reason));
    const term = await store.campaign(me);
    let seq = 0;
    const append = async (bytes: number) => {
      await term.append(seq + 1, batchOf('x'.repeat(bytes), resultOf(`${seq + 1}`, { ordinal: seq + 1 })));
      seq += 1;
    };
    for (let cycle = 0; cycle < 5; cycle++) {
      await append(1_000);
      expect(store.full).toBeNull();
      disk.fill();
      // The reserve still takes what is under way, and the store says that it should be no more.
      while (store.full === null) await append(20_000);
      expect(store.full).toMatch(/disk of the journal is full/);
      await append(20_000);
      const refused = await (async () => {
        for (;;) await append(50_000);
      })().catch((error: unknown) => error);
      expect(refused).toEqual(full);
      await expect(append(50_000)).rejects.toEqual(full);
      expect(await store.readResult(1, seq, 1)).toBe(`${seq}`);
      expect(await store.readResult(1, seq + 1, 1)).toBeNull();
      disk.free();
      await append(50_000);
      await until(() => store.full === null);
      await term.saveSnapshot(seq, [bytesOf('s')]);
    }
    expect(said).toHaveLength(10);
    await store.close();
    const again = await openLocalStore({ directory: data });
    expect((await again.campaign(me)).head).toBe(seq);
    for (let ordinal = 1; ordinal <= seq; ordinal++) expect(await again.readResult(1, ordinal, 1)).toBe(`${ordinal}`);
    await again.close();
  });

  it('makes commits wait, not fail; none that was acknowledged is lost', async ({ skip }) => {
    using disk = smallDisk(16);
    if (disk === null) return skip('needs root');
    const data = join(disk.directory, 'data');
    const store = await openLocalStore({ directory: data, reserveBytes: 256 * 1024 });
    const held: (string | null)[] = [];
    const commits = groupCommit({
      term: await store.campaign(me),
      limits: store.limits,
      onHeld: (reason) => void held.push(reason),
    });
    const node = 'n'.repeat(64);
    const facts = (from: number) =>
      Array.from(
        { length: 50 },
        (_, i): Fact => ({ kind: 'assigned', at: i, job: 1, ordinal: from + i, attempt: 1, node, adopted: false }),
      );
    let durable = 0;
    let sent = 0;
    const commit = () => {
      const from = sent;
      sent += 50;
      return commits.commit(facts(from), [outputOf(0, 'y'.repeat(20_000), { ordinal: from })]).then(() => {
        durable = Math.max(durable, from + 50);
      });
    };
    disk.fill(500_000);
    const under: Promise<void>[] = [];
    while (commits.held === null) {
      under.push(commit());
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(commits.held).toMatch(/no room/);
    // What was written before becomes durable still; nothing of what waits does.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = durable;
    expect(before).toBeLessThan(sent);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(durable).toBe(before);
    disk.free();
    await Promise.all(under);
    expect(commits.held).toBeNull();
    expect(durable).toBe(sent);
    expect(held).toEqual([expect.stringMatching(/no room/), null]);
    await commits.close();
    await store.close();
    const again = await openLocalStore({ directory: data });
    expect((await recover(again, { facts: () => {} })).facts).toBe(sent);
    await again.close();
  });

  it('does not keep a journal that is there from being opened', async ({ skip }) => {
    using disk = smallDisk(8);
    if (disk === null) return skip('needs root');
    const data = join(disk.directory, 'data');
    const first = await openLocalStore({ directory: data });
    const term = await first.campaign(me);
    await term.append(1, batchOf('a'));
    await first.close();
    disk.fill();
    const store = await openLocalStore({ directory: data });
    expect((await collect(store.read(1))).map(({ bytes }) => text(bytes))).toEqual(['a']);
    await store.close();
  });
});
