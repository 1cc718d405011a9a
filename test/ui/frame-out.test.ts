import { expect, test, vi } from 'vitest';
import type { Block } from '../../source/ui/canvas.ts';
import { type FrameOut, frameOut } from '../../source/ui/frame-out.ts';
import type { Line, Piece } from '../../source/ui/line.ts';
import { type Ground, type Role, themeFor } from '../../source/ui/theme.ts';
import { displayText } from '../../source/view/display-text.ts';
import { emulated } from './fixtures/emulated.ts';

const theme = themeFor({ TERM: 'xterm-256color', COLORTERM: 'truecolor', LANG: 'C.UTF-8' });

function randomFrom(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (Math.imul(a, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((a / 4_294_967_296) * below);
  };
}

const inks = ['a', 'b', ' ', '   ', '█', '▌', '⣿', '●', '語', 'e\u0323\u0307', 'xyz'];
const roles: Role[] = ['text', 'strong', 'bad', 'brand', 'sorted', 'heat3'];
const grounds: Ground[] = ['none', 'selected', 'marked', 'others'];

/** Often to the last column: that is where terminals are peculiar. */
function randomLine(random: (below: number) => number, width: number): Line {
  const row: Piece[] = [];
  const pieces = random(3) === 0 ? width : random(width + 1);
  for (let i = 0; i < pieces; i++) {
    const text = displayText(inks[random(inks.length)] as string);
    const ground = random(6) === 0 ? grounds[random(grounds.length)] : undefined;
    row.push([text, roles[random(roles.length)] as Role, ground]);
  }
  return { row, ground: random(4) === 0 ? grounds[random(grounds.length)] : undefined };
}

/** A whole screen, and sometimes something on top of it. */
function randomFrame(random: (below: number) => number, columns: number, rows: number): Block[] {
  const block = (x: number, y: number, width: number, height: number): Block => ({
    x,
    y,
    width,
    height,
    lines: Array.from({ length: height }, () => randomLine(random, width)),
  });
  const blocks = [block(0, 0, columns, rows)];
  if (random(3) === 0) {
    const [x, y] = [random(columns), random(rows)];
    blocks.push(block(x, y, 1 + random(columns - x), 1 + random(rows - y)));
  }
  return blocks;
}

function show(frames: FrameOut, blocks: readonly Block[]): void {
  for (const block of blocks) frames.put(block);
  frames.show();
}

/** A frame of plain lines. */
function text(lines: readonly string[], width: number): Block[] {
  const rows = lines.map((line): Line => ({ row: [[displayText(line), 'text']] }));
  return [{ x: 0, y: 0, width, height: lines.length, lines: rows }];
}

/** Painted at once on an empty terminal. */
async function afresh(columns: number, rows: number, blocks: readonly Block[]): Promise<string[][]> {
  const terminal = emulated(columns, rows);
  const frames = frameOut(terminal.out, theme);
  for (const block of blocks) frames.put(block);
  frames.show();
  frames.repaint();
  frames.end();
  return terminal.looks();
}

test('whatever the frames and sizes were, the screen shows the last frame', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomFrom(seed);
    let columns = 10 + random(60);
    let rows = 3 + random(30);
    const terminal = emulated(columns, rows);
    const frames = frameOut(terminal.out, theme);
    let frame: Block[] = [];
    const draw = (): void => {
      frame = random(4) === 0 || frame.length === 0 ? randomFrame(random, columns, rows) : changed(frame);
      show(frames, frame);
    };
    /** Some of its lines are others. */
    const changed = (blocks: readonly Block[]): Block[] =>
      blocks.map((block) => ({
        ...block,
        lines: block.lines.map((line) => (random(5) === 0 ? randomLine(random, block.width) : line)),
      }));
    frames.stream.on('resize', () => {
      columns = frames.stream.columns;
      rows = frames.stream.rows;
      frame = randomFrame(random, columns, rows);
      show(frames, frame);
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
      if (random(5) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    // The last resize of a storm is answered a moment later, by a frame of its own: also where the size is what it was.
    await vi.waitFor(
      async () => {
        expect([frames.stream.columns, frames.stream.rows]).toEqual([terminal.out.columns, terminal.out.rows]);
        expect(await terminal.looks(), `seed ${seed}`).toEqual(await afresh(columns, rows, frame));
      },
      { timeout: 5_000, interval: 20 },
    );
    frames.end();
  }
});

test('only cells that changed are written', async () => {
  const terminal = emulated(80, 20);
  const frames = frameOut(terminal.out, theme);
  const lines = Array.from({ length: 20 }, (_, i) => `line ${i} ${'x'.repeat(60)}`);
  show(frames, text(lines, 80));
  await terminal.until((screen) => screen.join() === lines.join());
  const first = terminal.bytes();
  lines[7] = `line 7 ${'x'.repeat(30)}y${'x'.repeat(29)}`;
  show(frames, text(lines, 80));
  await terminal.until((screen) => screen.join() === lines.join());
  expect(terminal.bytes() - first).toBeLessThan(30);
  lines[3] = 'short';
  const second = terminal.bytes();
  show(frames, text(lines, 80));
  await terminal.until((screen) => screen.join() === lines.join());
  expect(terminal.bytes() - second).toBeLessThan(40);
  const third = terminal.bytes();
  show(frames, text(lines, 80));
  show(frames, text([...lines.slice(0, 19), 'the end'], 80));
  await terminal.until((screen) => screen[19] === 'the end');
  expect(terminal.bytes() - third).toBeLessThan(40);
  frames.end();
});

test('a terminal that does not keep up gets the last frame, not all of them', async () => {
  const terminal = emulated(40, 5);
  const frames = frameOut(terminal.out, theme);
  show(frames, text(['a', 'b', 'c', 'd', 'e'], 40));
  await terminal.until(([first]) => first === 'a');
  terminal.out.writableNeedDrain = true;
  const before = terminal.bytes();
  for (let i = 0; i < 1_000; i++) {
    show(frames, text([`${i}`, 'b', 'c', 'd', 'e'], 40));
    if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(terminal.bytes()).toBe(before);
  terminal.drain();
  expect(await terminal.screen()).toEqual(['999', 'b', 'c', 'd', 'e']);
  expect(terminal.bytes() - before).toBeLessThan(60);
  frames.end();
});

test('a storm of resizes is a few frames', async () => {
  const terminal = emulated(80, 24);
  const frames = frameOut(terminal.out, theme);
  let drawn = 0;
  frames.stream.on('resize', () => {
    drawn++;
    const { columns, rows } = frames.stream;
    show(frames, text([`${columns}x${rows}`], columns));
  });
  for (let i = 0; i < 1_000; i++) terminal.resize(20 + (i % 100), 5 + (i % 40));
  terminal.resize(77, 11);
  await terminal.until(([first]) => first === '77x11');
  expect(drawn).toBeLessThanOrEqual(4);
  frames.end();
});

test('after the end nothing is written, and a size of nothing is a size', () => {
  const terminal = emulated(80, 24);
  const { write, on, off } = terminal.out;
  const frames = frameOut({ columns: 0, rows: 0, write, on, off }, theme);
  expect([frames.stream.columns, frames.stream.rows]).toEqual([80, 24]);
  frames.end();
  const before = terminal.bytes();
  show(frames, text(['a'], 80));
  frames.repaint();
  expect(terminal.bytes()).toBe(before);
});
