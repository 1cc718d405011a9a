import { describe, expect, test } from 'vitest';
import { wrongKeyWaits } from '../../source/model/limits.ts';
import { wrongKeys } from '../../source/wire/wrong-keys.ts';

const { free, firstMs, mostMs, forgottenMs, hosts } = wrongKeyWaits;

function account() {
  const time = { now: 1_000 };
  return { time, keys: wrongKeys(() => time.now) };
}

function show(keys: ReturnType<typeof wrongKeys>, host: string, times: number): void {
  for (let count = 0; count < times; count++) keys.shown(host);
}

describe('wrong secrets', () => {
  test('the first cost nothing, the next ones twice as much each time, up to a limit', () => {
    const { keys } = account();
    const waits: number[] = [];
    for (let count = 0; count < 60; count++) {
      waits.push(keys.waitMs('10.0.0.1'));
      keys.shown('10.0.0.1');
    }
    expect(waits.slice(0, free)).toEqual(Array(free).fill(0));
    expect(waits.slice(free, free + 4)).toEqual([firstMs, firstMs * 2, firstMs * 4, firstMs * 8]);
    expect(waits.at(-1)).toBe(mostMs);
    expect(keys.waitMs('10.0.0.2')).toBe(0);
  });

  test('are forgotten after a while, or when somebody from there was let in', () => {
    const { keys, time } = account();
    show(keys, 'a', free + 1);
    show(keys, 'b', free + 1);
    keys.forgive('a');
    expect(keys.waitMs('a')).toBe(0);
    time.now += forgottenMs - 1;
    expect(keys.waitMs('b')).toBe(firstMs * 2);
    time.now += 1;
    expect(keys.waitMs('b')).toBe(0);
  });

  test('from a /64 of IPv6 are one address', () => {
    const { keys } = account();
    for (let count = 0; count < free; count++) keys.shown(`2001:db8:1:2::${count}`);
    expect(keys.waitMs('2001:db8:1:2:ffff::1')).toBe(firstMs);
    expect(keys.waitMs('2001:db8:1:3::1')).toBe(0);
    show(keys, '2001:db8::1', free);
    expect(keys.waitMs('2001:db8:0:0:5::')).toBe(firstMs);
    show(keys, '::ffff:10.0.0.1', free);
    expect(keys.waitMs('::ffff:10.0.0.2')).toBe(0);
  });

  test('of so many addresses are remembered, the last ones', () => {
    const { keys } = account();
    for (let host = 0; host <= hosts; host++) show(keys, `10.0.${host >> 8}.${host & 255}`, free);
    expect(keys.waitMs('10.0.0.0')).toBe(0);
    expect(keys.waitMs('10.0.0.1')).toBe(firstMs);
  });
});
