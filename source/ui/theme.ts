/** What the terminal can show, and in which colours: state is always a glyph or a letter as well. */
import type { GlyphSet } from '../view/charts.ts';
import { dark, light } from './palettes.ts';

export type ColourDepth = 'none' | '16' | '256' | 'truecolor';

/** What a piece of text is; a theme says how that looks. */
export type Role =
  | 'text'
  | 'strong'
  | 'dim'
  | 'faint'
  | 'brand'
  | 'accent'
  | 'good'
  | 'warn'
  | 'bad'
  | 'info'
  | 'head'
  | 'sorted'
  | 'key'
  | 'others'
  | 'queue'
  | 'flow'
  | 'run'
  | 'heat0'
  | 'heat1'
  | 'heat2'
  | 'heat3'
  | 'heat4'
  | 'heat5';

/** What lies behind a whole line, or behind one cell. */
export type Ground = 'none' | 'selected' | 'marked' | 'others' | 'bar' | 'toast' | 'alarm';

export interface Theme {
  readonly depth: ColourDepth;
  readonly glyphs: GlyphSet;
  /** SGR parameters, '' for none. */
  readonly roles: Readonly<Record<Role, string>>;
  readonly grounds: Readonly<Record<Ground, string>>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Returns how many colours may be used: none under `NO_COLOR`, else what `FORCE_COLOR` says, none in a dumb terminal. */
export function colourDepth(env: Environment): ColourDepth {
  const forced = env.FORCE_COLOR;
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return 'none';
  if (forced === '0' || forced === 'false') return 'none';
  if (forced === '3') return 'truecolor';
  if (forced === '2') return '256';
  const term = env.TERM ?? '';
  if (term === 'dumb') return 'none';
  if (/truecolor|24bit/i.test(env.COLORTERM ?? '') || /-direct$|kitty|ghostty|alacritty|wezterm/.test(term))
    return 'truecolor';
  if (/256/.test(term)) return '256';
  return '16';
}

/** Returns the glyphs that are likely to be in the terminal's font: ASCII outside UTF-8 and on the Linux console. */
export function glyphSet(env: Environment): GlyphSet {
  const wanted = env.LBTOP_GLYPHS;
  if (wanted === 'braille' || wanted === 'block' || wanted === 'ascii') return wanted;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  if (env.TERM === 'linux' || env.TERM === 'dumb') return 'ascii';
  return locale === '' || /utf-?8/i.test(locale) ? 'braille' : 'ascii';
}

/** Returns whether text is dark on light: as `LBTOP_THEME` says, else as the terminal does in `COLORFGBG` (rxvt, Konsole, iTerm). */
export function isLight(env: Environment): boolean {
  if (env.LBTOP_THEME === 'light' || env.LBTOP_THEME === 'dark') return env.LBTOP_THEME === 'light';
  const behind = env.COLORFGBG?.split(';').at(-1);
  return behind === '7' || behind === '15';
}

/** Returns the theme for a terminal's environment variables. */
export function themeFor(env: Environment): Theme {
  const depth = colourDepth(env);
  const { roles, grounds } = isLight(env) ? light : dark;
  return { depth, glyphs: glyphSet(env), roles: roles[depth], grounds: grounds[depth] };
}

/** Returns the role for a share of a limit (0–1): green, yellow, red. */
export function heat(share: number): Role {
  if (share < 0.35) return 'heat0';
  if (share < 0.55) return 'heat1';
  if (share < 0.7) return 'heat2';
  if (share < 0.82) return 'heat3';
  if (share < 0.92) return 'heat4';
  return 'heat5';
}
