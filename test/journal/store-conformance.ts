/** What every store must do, whatever it is made of: called from the test file of each. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { batchChecksum } from '../../source/journal/checksum.ts';
import type { Batch, Leader, Store, StoredBatch, StoreRecord, StreamNumber } from '../../source/journal/store.ts';
import { isFault } from '../../source/journal/store-error.ts';

/** One journal of a store under test. */
export interface Journal {
  /** Opens it; where it `lasts`, again after `close`. */
  open(): Promise<Store>;
  /** What is stored is there after `close` and `open`. */
  readonly lasts: boolean;
  /** Removes it; its stores are closed. */
  remove(): Promise<void>;
}

const me = { id: 'one', address: '127.0.0.1:1' };
const other = { id: 'two', address: '127.0.0.1:2' };

export const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
export const bytesOf = (value: string) => new Uint8Array(Buffer.from(value));
export const batchOf = (facts: string, ...records: StoreRecord[]): Batch => ({ facts: bytesOf(facts), records });

export function outputOf(offset: number, data: string, given: Partial<Extract<StoreRecord, { kind: 'output' }>> = {}) {
  const record = {
    kind: 'output',
    job: 1,
    ordinal: 0,
    attempt: 1,
    stream: 1,
    offset,
    data: bytesOf(data),
    cut: 0,
  } as const;
  return { ...record, ...given } satisfies StoreRecord;
}

export function resultOf(json: string, given: Partial<Extract<StoreRecord, { kind: 'result' }>> = {}) {
  return { kind: 'result', job: 1, ordinal: 0, attempt: 1, json, ...given } satisfies StoreRecord;
}

/** Resolves when `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

const factsOf = (batches: readonly StoredBatch[]) => batches.map(({ seq, bytes }) => `${seq} ${text(bytes)}`);

const fenced = expect.toSatisfy((error) => isFault(error, 'fenced'));

/** Describes the contract of store.ts for stores of that kind. */
export function describeStore(name: string, journal: () => Promise<Journal>): void {
  describe(`${name}: the contract of a store`, () => {
    let under: Journal;
    let store: Store;

    beforeEach(async () => {
      under = await journal();
      store = await under.open();
    });
    afterEach(async () => {
      await store.close();
      await under.remove();
    });

    /** The same journal, opened again where that makes a difference. */
    async function again(): Promise<Store> {
      if (under.lasts) {
        await store.close();
        store = await under.open();
      }
      return store;
    }

    describe('batches', () => {
      it('gives them back in order, each with its number, its term and its checksum', async () => {
        const term = await store.campaign(me);
        expect(term.head).toBe(0);
        for (const [i, facts] of ['a', '', 'ccc'].entries()) await term.append(i + 1, batchOf(facts));
        const batches = await collect((await again()).read(1));
        expect(factsOf(batches)).toEqual(['1 a', '2 ', '3 ccc']);
        for (const { seq, epoch, crc, bytes } of batches) {
          expect(epoch).toBe(term.epoch);
          expect(crc).toBe(batchChecksum(seq, epoch, bytes));
        }
        expect(factsOf(await collect(store.read(3)))).toEqual(['3 ccc']);
        expect(await collect(store.read(4))).toEqual([]);
        expect(store.bytes()).toBeGreaterThan(0);
        expect(store.missing).toBe(0);
      });

      it('gives thousands of them back, and those who stop early leave nothing behind', async () => {
        const term = await store.campaign(me);
        for (let seq = 1; seq <= 500; seq++) await term.append(seq, batchOf(`${seq} ${'x'.repeat(seq * 5)}`));
        const batches = await collect((await again()).read(1));
        expect(batches.map(({ seq }) => seq)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
        expect(batches.every(({ seq, bytes }) => text(bytes) === `${seq} ${'x'.repeat(seq * 5)}`)).toBe(true);
        for await (const { seq } of store.read(10)) if (seq === 12) break;
      });

      it('goes on after the last one with a term whose epoch is greater', async () => {
        const first = await store.campaign(me);
        await first.append(1, batchOf('a'));
        await first.resign();
        const second = await (await again()).campaign(other);
        expect(second.head).toBe(1);
        expect(second.epoch).toBeGreaterThan(first.epoch);
        await second.append(2, batchOf('b'));
        expect((await collect(store.read(1))).map(({ epoch }) => epoch)).toEqual([first.epoch, second.epoch]);
      });

      it('takes no number that leaves a gap, nor one of another term', async () => {
        const first = await store.campaign(me);
        await expect(first.append(2, batchOf('a'))).rejects.toThrow(RangeError);
        await first.append(1, batchOf('a'));
        await first.resign();
        const second = await store.campaign(me);
        await expect(second.append(3, batchOf('a'))).rejects.toThrow(RangeError);
        await expect(second.append(1, batchOf('a'))).rejects.toThrow();
        expect(factsOf(await collect(store.read(1)))).toEqual(['1 a']);
      });

      it('knows its own batch that is sent again by term and number, never by what it holds', async () => {
        const term = await store.campaign(me);
        await term.append(1, batchOf('a', outputOf(0, 'x')));
        await term.append(1, batchOf('a', outputOf(0, 'x')));
        await term.append(1, batchOf('b', outputOf(1, 'y')));
        expect(factsOf(await collect(store.read(1)))).toEqual(['1 a']);
        expect(await store.outputSize(1, 0, 1, 1)).toEqual({ bytes: 1, cut: 0 });
        // The same bytes under the next number are another batch.
        await term.append(2, batchOf('a'));
        expect(factsOf(await collect((await again()).read(1)))).toEqual(['1 a', '2 a']);
      });

      it('refuses what is too large and takes the next', async () => {
        const term = await store.campaign(me);
        const large = new Uint8Array(store.limits.batchBytes + 1);
        const tooLarge = expect.toSatisfy((error) => isFault(error, 'too-large'));
        await expect(term.append(1, { facts: large, records: [] })).rejects.toEqual(tooLarge);
        const record = { kind: 'items', job: 1, part: 0, bytes: large } as const;
        await expect(term.append(1, { facts: bytesOf('a'), records: [record] })).rejects.toEqual(tooLarge);
        await term.append(1, batchOf('a'));
        const fits = new Uint8Array(store.limits.batchBytes - 1_024).fill(7);
        await term.append(2, { facts: fits, records: [] });
        const [batch] = await collect(store.read(2));
        expect(Buffer.compare(batch?.bytes ?? bytesOf(''), fits)).toBe(0);
      });

      it('keeps its own copy of what it is given', async () => {
        const term = await store.campaign(me);
        const facts = bytesOf('before');
        const data = bytesOf('before');
        const appending = term.append(1, { facts, records: [outputOf(0, '', { data })] });
        facts.fill(0);
        data.fill(0);
        await appending;
        expect(factsOf(await collect(store.read(1)))).toEqual(['1 before']);
        expect(text((await store.readOutput(1, 0, 1, 1, 0, 100))?.data ?? data)).toBe('before');
      });

      it('follows: gives what comes as it comes, until it is told to end', async () => {
        const term = await store.campaign(me);
        await term.append(1, batchOf('a'));
        const ending = new AbortController();
        const seen: string[] = [];
        const following = (async () => {
          for await (const batch of store.read(1, { follow: true, signal: ending.signal }))
            seen.push(text(batch.bytes));
        })();
        await until(() => seen.length === 1);
        for (let seq = 2; seq <= 20; seq++) await term.append(seq, batchOf(`${seq}`));
        await until(() => seen.length === 20);
        ending.abort(new Error('enough'));
        await expect(following).rejects.toThrow('enough');
      });
    });

    describe('the fence', () => {
      it('never stores anything of a writer whose place was taken', async () => {
        const first = await store.campaign(me);
        await first.append(1, batchOf('a'));
        const second = await store.seize({ ...me, epoch: first.epoch }, other);
        if (second === null) throw new Error('not seized');
        expect(first.lost.aborted).toBe(true);
        expect(second.head).toBe(1);
        await expect(first.append(2, batchOf('b'))).rejects.toEqual(fenced);
        await second.append(2, batchOf('b'));
        // What the old one sends is byte for byte what the new one wrote: still not its own.
        await expect(first.append(2, batchOf('b'))).rejects.toEqual(fenced);
        await expect(first.append(1, batchOf('a'))).rejects.toEqual(fenced);
        await expect(first.saveSnapshot(1, [bytesOf('s')])).rejects.toEqual(fenced);
        expect(factsOf(await collect(store.read(1)))).toEqual(['1 a', '2 b']);
        expect(await store.snapshot()).toBeNull();
      });

      it('lets a batch that was sent before count before it, whole', async () => {
        const first = await store.campaign(me);
        const appending = first.append(1, batchOf('a', resultOf('1'))).then(
          () => true,
          () => false,
        );
        const second = await store.seize({ ...me, epoch: first.epoch }, other);
        const stored = await appending;
        expect(second?.head).toBe(stored ? 1 : 0);
        expect(await store.readResult(1, 0, 1)).toBe(stored ? '1' : null);
      });

      it('gives up a seizure where somebody else was quicker', async () => {
        const first = await store.campaign(me);
        const seen = { ...me, epoch: first.epoch };
        const both = await Promise.all([store.seize(seen, other), store.seize(seen, other)]);
        expect(both.filter((term) => term !== null)).toHaveLength(1);
      });

      it('waits for its turn in a campaign, and stops waiting when told', async () => {
        const first = await store.campaign(me);
        const ending = new AbortController();
        const waiting = store.campaign(other, ending.signal);
        ending.abort(new Error('enough'));
        await expect(waiting).rejects.toThrow('enough');
        const second = store.campaign(other);
        await first.resign();
        await expect(first.append(1, batchOf('a'))).rejects.toEqual(fenced);
        await (await second).append(1, batchOf('b'));
        expect(factsOf(await collect(store.read(1)))).toEqual(['1 b']);
      });

      it('tells who leads', async () => {
        const seen: (Leader | null)[] = [];
        using _watching = store.leader((leader) => seen.push(leader));
        await until(() => seen.length === 1);
        const first = await store.campaign(me);
        const second = await store.seize({ ...me, epoch: first.epoch }, other);
        await second?.resign();
        await until(() => seen.at(-1) === null && seen.length > 1);
        expect(seen).toEqual([null, { ...me, epoch: first.epoch }, { ...other, epoch: second?.epoch }, null]);
      });
    });

    describe('snapshots', () => {
      async function saved(): Promise<string | null> {
        const found = await store.snapshot();
        return found === null ? null : `${found.seq} ${(await collect(found.chunks)).map(text).join('|')}`;
      }

      it('stand for the batches up to theirs, which go', async () => {
        const term = await store.campaign(me);
        expect(await saved()).toBeNull();
        for (let seq = 1; seq <= 100; seq++) await term.append(seq, batchOf(`${seq}`));
        await term.saveSnapshot(60, [bytesOf('one'), bytesOf('two')]);
        expect(await saved()).toBe('60 one|two');
        await until(async () => factsOf(await collect(store.read(1)))[0] === '61 61');
        await again();
        expect(await saved()).toBe('60 one|two');
        expect(factsOf(await collect(store.read(1)))).toHaveLength(40);
      });

      it('are saved while appends go on', async () => {
        const term = await store.campaign(me);
        await term.append(1, batchOf('1'));
        async function* chunks() {
          for (let seq = 2; seq <= 30; seq++) {
            await term.append(seq, batchOf(`${seq}`));
            yield bytesOf(`${seq}`);
          }
        }
        await term.saveSnapshot(1, chunks());
        await again();
        expect((await saved())?.split('|')).toHaveLength(29);
        expect(factsOf(await collect(store.read(2)))).toHaveLength(29);
      });

      it('take the place of those before, and of none after', async () => {
        const term = await store.campaign(me);
        for (let seq = 1; seq <= 5; seq++) await term.append(seq, batchOf(`${seq}`));
        await term.saveSnapshot(3, [bytesOf('three'), bytesOf('more')]);
        await term.saveSnapshot(2, [bytesOf('two')]);
        await term.saveSnapshot(3, [bytesOf('again')]);
        expect(await saved()).toBe('3 three|more');
        await term.saveSnapshot(5, [bytesOf('five')]);
        expect(await saved()).toBe('5 five');
        await expect(term.saveSnapshot(6, [bytesOf('six')])).rejects.toThrow(RangeError);
      });

      it('count only when they are whole', async () => {
        const term = await store.campaign(me);
        await term.append(1, batchOf('a'));
        function* chunks() {
          yield bytesOf('half');
          throw new Error('no more');
        }
        await expect(term.saveSnapshot(1, chunks())).rejects.toThrow('no more');
        await expect(term.saveSnapshot(1, [new Uint8Array(store.limits.chunkBytes + 1)])).rejects.toThrow(/chunk/);
        expect(await saved()).toBeNull();
        await term.saveSnapshot(1, [bytesOf('whole')]);
        expect(await saved()).toBe('1 whole');
      });

      it('remember the head when every batch is gone', async () => {
        const term = await store.campaign(me);
        await term.append(1, batchOf('a'));
        await term.saveSnapshot(1, [bytesOf('s')]);
        await until(async () => (await collect(store.read(1))).length === 0);
        await term.resign();
        const next = await (await again()).campaign(me);
        expect(next.head).toBe(1);
        await next.append(2, batchOf('b'));
        expect(factsOf(await collect(store.read(1)))).toEqual(['2 b']);
      });
    });

    describe('records', () => {
      async function put(...records: StoreRecord[]): Promise<void> {
        const term = await store.campaign(me);
        await term.append(term.head + 1, batchOf('', ...records));
        await term.resign();
        await again();
      }

      async function output(
        offset: number,
        maxBytes = 100,
        attempt = 1,
        stream: StreamNumber = 1,
      ): Promise<string | null> {
        const piece = await store.readOutput(1, 0, attempt, stream, offset, maxBytes);
        return piece === null ? null : `${text(piece.data)}+${piece.cut}`;
      }

      it('of output: any part of it, over the borders of what was stored', async () => {
        await put(outputOf(0, 'hello '), outputOf(6, 'wor'), outputOf(0, 'oops', { stream: 2 }), outputOf(9, 'ld'));
        expect(await output(0)).toBe('hello world+0');
        expect(await output(4, 4)).toBe('o wo+0');
        expect(await output(6, 3)).toBe('wor+0');
        expect(await output(10)).toBe('d+0');
        expect(await output(11)).toBeNull();
        expect(await output(50)).toBeNull();
        expect(await output(0, 100, 1, 2)).toBe('oops+0');
        expect(await output(0, 100, 2)).toBeNull();
        expect(await store.outputSize(1, 0, 1, 1)).toEqual({ bytes: 11, cut: 0 });
        expect(await store.outputSize(1, 1, 1, 1)).toEqual({ bytes: 0, cut: 0 });
      });

      it('of output that was cut: how much nobody has', async () => {
        await put(outputOf(0, 'ab', { cut: 10 }), outputOf(12, 'cd'), outputOf(14, '', { cut: 5 }), outputOf(19, 'e'));
        expect(await output(0)).toBe('ab+10');
        expect(await output(1, 1)).toBe('b+10');
        expect(await output(5)).toBe('+7');
        expect(await output(12)).toBe('cd+5');
        expect(await output(14)).toBe('+5');
        expect(await output(19)).toBe('e+0');
        expect(await store.outputSize(1, 0, 1, 1)).toEqual({ bytes: 20, cut: 15 });
      });

      it('of output that is sent again: the same, once', async () => {
        await put(outputOf(0, 'abc'), outputOf(3, 'de'));
        await put(outputOf(0, 'abc'), outputOf(3, 'defg'));
        await put(outputOf(3, 'de'));
        expect(await output(0)).toBe('abcdefg+0');
        expect(await store.outputSize(1, 0, 1, 1)).toEqual({ bytes: 7, cut: 0 });
      });

      it('of a later attempt: they take the place of the earlier one', async () => {
        await put(
          outputOf(0, 'first'),
          outputOf(0, 'err', { stream: 2 }),
          resultOf('1'),
          outputOf(0, 'x', { ordinal: 1 }),
        );
        await put(outputOf(0, 'second', { attempt: 2 }), resultOf('2', { attempt: 2 }));
        await put(resultOf('1 late'));
        expect(await output(0)).toBeNull();
        expect(await output(0, 100, 1, 2)).toBeNull();
        expect(await output(0, 100, 2)).toBe('second+0');
        expect(await store.readResult(1, 0, 1)).toBeNull();
        expect(await store.readResult(1, 0, 2)).toBe('2');
        expect(text((await store.readOutput(1, 1, 1, 1, 0, 9))?.data ?? bytesOf('none'))).toBe('x');
      });

      it('of results: found by job, ordinal and attempt', async () => {
        await put(resultOf('{"ä":"\u{1f600}"}'), resultOf('[]', { job: 2, ordinal: 3 }));
        expect(await store.readResult(1, 0, 1)).toBe('{"ä":"\u{1f600}"}');
        expect(await store.readResult(2, 3, 1)).toBe('[]');
        expect(await store.readResult(2, 0, 1)).toBeNull();
      });

      it('of items: the parts in order; a first part begins anew', async () => {
        const part = (number: number, data: string, job = 1) =>
          ({ kind: 'items', job, part: number, bytes: bytesOf(data) }) as const;
        const items = async (job: number) => (await collect(store.readItems(job))).map(text);
        await put(part(0, 'a'), part(2, 'c'), part(1, 'b'), part(0, 'z', 2));
        expect(await items(1)).toEqual(['a', 'b', 'c']);
        await put(part(0, 'new'));
        expect(await items(1)).toEqual(['new']);
        expect(await items(2)).toEqual(['z']);
        expect(await items(3)).toEqual([]);
      });

      it('of a forgotten job: gone at once, those of others stay', async () => {
        const many = Array.from({ length: 300 }, (_, ordinal) => outputOf(0, `${ordinal}`, { ordinal }));
        await put(...many, resultOf('1'), { kind: 'items', job: 1, part: 0, bytes: bytesOf('i') });
        await put(outputOf(0, 'kept', { job: 2 }), resultOf('2', { job: 2 }), { kind: 'forget', job: 1 });
        expect(await output(0)).toBeNull();
        expect(await store.outputSize(1, 5, 1, 1)).toEqual({ bytes: 0, cut: 0 });
        expect(await store.readResult(1, 0, 1)).toBeNull();
        expect(await collect(store.readItems(1))).toEqual([]);
        expect(await store.readTasks(1, 0, 1_000, 10)).toEqual({ tasks: [], next: null });
        expect(text((await store.readOutput(2, 0, 1, 1, 0, 9))?.data ?? bytesOf('none'))).toBe('kept');
        expect(await store.readResult(2, 0, 1)).toBe('2');
      });

      it('of many tasks: in order, with the beginnings of their output, a page at a time', async () => {
        const all: StoreRecord[] = [];
        for (let ordinal = 0; ordinal < 2_500; ordinal++) {
          if (ordinal % 2 === 0) all.push(resultOf(`${ordinal}`, { ordinal }));
          if (ordinal % 3 === 0) all.push(outputOf(0, `${ordinal} says more`, { ordinal, cut: 4 }));
        }
        all.push(
          outputOf(0, 'again', { ordinal: 2, attempt: 2 }),
          outputOf(0, 'err', { ordinal: 2, attempt: 2, stream: 2 }),
        );
        await put(...all);
        const tasks = [];
        for (let from: number | null = 1; from !== null; ) {
          const page = await store.readTasks(1, from, 2_400 - from, 6);
          tasks.push(...page.tasks);
          from = page.next;
        }
        const expected = Array.from({ length: 2_400 }, (_, i) => i).filter(
          (i) => i > 0 && (i % 2 === 0 || i % 3 === 0),
        );
        expect(tasks.map(({ ordinal }) => ordinal)).toEqual(expected);
        const [two, three] = tasks;
        expect(two?.attempt).toBe(2);
        expect(two?.result).toBeNull();
        expect(two?.streams.map(({ data }) => text(data))).toEqual(['again', 'err']);
        expect(three?.streams[0]).toMatchObject({ bytes: 15, cut: 4 });
        expect(text(three?.streams[0].data ?? bytesOf(''))).toBe('3 says');
        expect(tasks[2]?.result).toBe('4');
      });

      it('are stored with their batch or not at all', async () => {
        const term = await store.campaign(me);
        await store.seize({ ...me, epoch: term.epoch }, other);
        await expect(term.append(1, batchOf('a', resultOf('1'), outputOf(0, 'x')))).rejects.toEqual(fenced);
        expect(await store.readResult(1, 0, 1)).toBeNull();
        expect(await output(0)).toBeNull();
      });
    });
  });
}
