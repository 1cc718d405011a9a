import { describe, expect, test } from 'vitest';
import { dark, light, type Palette } from '../../source/ui/palettes.ts';
import { isLight, type Role, themeFor } from '../../source/ui/theme.ts';

/** Relative luminance, as WCAG 2 defines it, of `r;g;b`. */
function luminance(rgb: readonly number[]): number {
  const [r = 0, g = 0, b = 0] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: readonly number[], b: readonly number[]): number {
  const [darker = 0, lighter = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (lighter + 0.05) / (darker + 0.05);
}

/** The colour that an SGR text sets for text (38) or behind it (48), truecolor or of the cube of 256; null for none. */
function colourIn(sgr: string, which: '38' | '48'): number[] | null {
  const [, r, g, b] = new RegExp(`(?:^|;)${which};2;(\\d+);(\\d+);(\\d+)`).exec(sgr) ?? [];
  if (r !== undefined) return [Number(r), Number(g), Number(b)];
  const [, index] = new RegExp(`(?:^|;)${which};5;(\\d+)`).exec(sgr) ?? [];
  if (index === undefined) return null;
  const n = Number(index) - 16;
  if (n >= 216) return Array(3).fill(8 + 10 * (n - 216));
  return [Math.floor(n / 36), Math.floor(n / 6) % 6, n % 6].map((step) => (step === 0 ? 0 : 55 + 40 * step));
}

/** Frames and what others take are drawn, not read. */
const drawnRoles: readonly Role[] = ['faint', 'others'];

describe.each<[string, Palette, number[], number[]]>([
  ['dark', dark, [0, 0, 0], [255, 255, 255]],
  ['light', light, [255, 255, 255], [0, 0, 0]],
])('the %s theme', (_name, palette, background, ink) => {
  test.each(['truecolor', '256'] as const)('can be read in %s, on every ground', (depth) => {
    for (const [role, sgr] of Object.entries(palette.roles[depth]) as [Role, string][]) {
      const colour = colourIn(sgr, '38') ?? ink;
      const behind = colourIn(sgr, '48') ?? background;
      const least = drawnRoles.includes(role) ? 1.5 : 4.5;
      expect(contrast(colour, behind), role).toBeGreaterThan(least);
    }
    for (const [ground, sgr] of Object.entries(palette.grounds[depth]))
      if (ground !== 'others') expect(contrast(ink, colourIn(sgr, '48') ?? background), ground).toBeGreaterThan(7);
  });
});

test('a light background is known by what the terminal or the user says', () => {
  for (const [env, wanted] of [
    [{}, false],
    [{ COLORFGBG: '0;15' }, true],
    [{ COLORFGBG: '0;default;7' }, true],
    [{ COLORFGBG: '15;0' }, false],
    [{ COLORFGBG: '15;0', LBTOP_THEME: 'light' }, true],
    [{ COLORFGBG: '0;15', LBTOP_THEME: 'dark' }, false],
    [{ LBTOP_THEME: 'pink', COLORFGBG: '0;15' }, true],
  ] as const)
    expect(isLight(env), JSON.stringify(env)).toBe(wanted);
  const colours = { TERM: 'xterm-256color', COLORTERM: 'truecolor' };
  expect(themeFor({ ...colours, LBTOP_THEME: 'light' }).roles).toBe(light.roles.truecolor);
  expect(themeFor({ ...colours, LBTOP_THEME: 'light', NO_COLOR: '1' }).roles).toBe(dark.roles.none);
  expect(themeFor(colours).roles).toBe(dark.roles.truecolor);
});
