import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { frameOut, type Terminal as Out } from '../../source/ui/frame-out.ts';

const require = createRequire(import.meta.url);
const { Terminal } = require('@xterm/headless') as typeof import('@xterm/headless');

/** A terminal without a process: what is written goes to an emulator, which can be resized. */
function emulated(columns: number, rows: number) {
  const emulator = new Terminal({ cols: columns, rows, allowProposedApi: true });
  const events = new EventEmitter();
  let bytes = 0;
  const size = { columns, rows };
  const out: Out & { writableNeedDrain: boolean } = {
    get columns() {
      return size.columns;
    },
    get rows() {
      return size.rows;
    },
    writableNeedDrain: false,
    write(text) {
      bytes += text.length;
      emulator.write(text);
      return true;
    },
    on: (event, listener) => events.on(event, listener),
    off: (event, listener) => events.off(event, listener),
  };
  out.write('\x1b[?1049h\x1b[?7l');
  return {
    out,
    emulator,
    bytes: () => bytes,
    drain() {
      out.writableNeedDrain = false;
      events.emit('drain');
    },
    resize(newColumns: number, newRows: number) {
      size.columns = newColumns;
      size.rows = newRows;
      emulator.resize(newColumns, newRows);
      events.emit('resize');
    },
    async screen(): Promise<string[]> {
      await new Promise<void>((resolve) => emulator.write('', resolve));
      return Array.from({ length: emulator.rows }, (_, y) =>
        (
          emulator.buffer.active
            .getLine(emulator.buffer.active.viewportY + y)
            ?.translateToString(true, 0, emulator.cols) ?? ''
        ).trimEnd(),
      );
    },
  };
}

/** What Ink 8 writes for a frame. */
function inkFrame(lines: readonly string[], previous: number): string[] {
  const erase = previous === 0 ? '' : `\x1b[2K${'\x1b[1A\x1b[2K'.repeat(previous - 1)}\x1b[G`;
  return ['\x1b[?2026h', erase + lines.join('\n'), '\x1b[?2026l'];
}

function randomFrom(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (Math.imul(a, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((a / 4_294_967_296) * below);
  };
}

const inks = ['a', 'b', ' ', '█', '▌', '⣿', '●', '語', '\x1b[31mr\x1b[0m', '\x1b[1;38;2;1;2;3mx\x1b[0m'];

function randomLine(random: (below: number) => number, columns: number): { line: string; plain: string } {
  let line = '';
  let plain = '';
  let width = 0;
  // Often to the last column: that is where terminals are peculiar.
  const wanted = random(3) === 0 ? columns : random(columns + 1);
  while (width < wanted) {
    const ink = inks[random(inks.length)] as string;
    const size = ink === '語' ? 2 : 1;
    if (width + size > wanted) continue;
    line += ink;
    plain += ink.replace(/\x1b\[[0-9;]*m/g, '');
    width += size;
  }
  return { line, plain: plain.trimEnd() };
}

test('whatever the frames and sizes were, the screen shows the last frame', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomFrom(seed);
    let columns = 10 + random(60);
    let rows = 3 + random(30);
    const terminal = emulated(columns, rows);
    const frames = frameOut(terminal.out);
    let previous = 0;
    let frame: { line: string; plain: string }[] = [];
    const draw = (): void => {
      if (frame.length !== rows || random(4) === 0)
        frame = Array.from({ length: rows }, () => randomLine(random, columns));
      else for (let i = random(4); i > 0; i--) frame[random(rows)] = randomLine(random, columns);
      for (const part of inkFrame(
        frame.map(({ line }) => line),
        previous,
      ))
        frames.stream.write(part);
      previous = rows;
    };
    frames.stream.on('resize', () => {
      columns = frames.stream.columns;
      rows = frames.stream.rows;
      frame = [];
      draw();
    });
    draw();
    for (let step = 0; step < 40; step++) {
      const what = random(6);
      if (what === 0) terminal.resize(2 + random(90), 1 + random(40));
      else if (what === 1) {
        // Somebody wrote across the screen: Ctrl-L mends it.
        terminal.out.write('\x1b[3;3Hgarbage\r\nmore');
        frames.repaint();
      } else draw();
      if (random(5) === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    // The last resize of a storm is answered a moment later.
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(await terminal.screen(), `seed ${seed}`).toEqual(frame.map(({ plain }) => plain));
    frames.end();
  }
});

test('only lines that changed are written', async () => {
  const terminal = emulated(80, 20);
  const frames = frameOut(terminal.out);
  const lines = Array.from({ length: 20 }, (_, i) => `line ${i} ${'x'.repeat(60)}`);
  for (const part of inkFrame(lines, 0)) frames.stream.write(part);
  const first = terminal.bytes();
  lines[7] = 'another';
  for (const part of inkFrame(lines, 20)) frames.stream.write(part);
  expect(terminal.bytes() - first).toBeLessThan(60);
  const second = terminal.bytes();
  for (const part of inkFrame(lines, 20)) frames.stream.write(part);
  expect(terminal.bytes()).toBe(second);
  expect(await terminal.screen()).toEqual(lines);
  frames.end();
});

test('a terminal that does not keep up gets the last frame, not all of them', async () => {
  const terminal = emulated(40, 5);
  const frames = frameOut(terminal.out);
  for (const part of inkFrame(['a', 'b', 'c', 'd', 'e'], 0)) frames.stream.write(part);
  terminal.out.writableNeedDrain = true;
  const before = terminal.bytes();
  for (let i = 0; i < 1_000; i++)
    for (const part of inkFrame([`${i}`, 'b', 'c', 'd', 'e'], 5)) frames.stream.write(part);
  expect(terminal.bytes()).toBe(before);
  terminal.drain();
  expect(await terminal.screen()).toEqual(['999', 'b', 'c', 'd', 'e']);
  expect(terminal.bytes() - before).toBeLessThan(60);
  frames.end();
});

test('a storm of resizes is a few frames', async () => {
  const terminal = emulated(80, 24);
  const frames = frameOut(terminal.out);
  let drawn = 0;
  frames.stream.on('resize', () => {
    drawn++;
    for (const part of inkFrame([`${frames.stream.columns}x${frames.stream.rows}`], 1)) frames.stream.write(part);
  });
  for (let i = 0; i < 1_000; i++) terminal.resize(20 + (i % 100), 5 + (i % 40));
  terminal.resize(77, 11);
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect(drawn).toBeLessThanOrEqual(4);
  expect((await terminal.screen())[0]).toBe('77x11');
  frames.end();
});

test('after the end nothing is written, and a size of nothing is a size', () => {
  const terminal = emulated(80, 24);
  const out = {
    ...terminal.out,
    columns: 0,
    rows: 0,
    write: terminal.out.write,
    on: terminal.out.on,
    off: terminal.out.off,
  };
  const frames = frameOut(out);
  expect([frames.stream.columns, frames.stream.rows]).toEqual([80, 24]);
  frames.end();
  const before = terminal.bytes();
  for (const part of inkFrame(['a'], 0)) frames.stream.write(part);
  frames.repaint();
  expect(terminal.bytes()).toBe(before);
});
