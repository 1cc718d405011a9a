/** What the terminal can show, and in which colours: state is always a glyph or a letter as well. */
import type { GlyphSet } from '../view/charts.ts';

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

/** Returns how many colours may be used: none under `NO_COLOR` or in a dumb terminal, unless `FORCE_COLOR` says otherwise. */
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

/** Returns the theme for a terminal's environment variables. */
export function themeFor(env: Environment): Theme {
  const depth = colourDepth(env);
  return { depth, glyphs: glyphSet(env), roles: roles[depth], grounds: grounds[depth] };
}

const rgb = (hex: string): string =>
  `38;2;${Number.parseInt(hex.slice(0, 2), 16)};${Number.parseInt(hex.slice(2, 4), 16)};${Number.parseInt(hex.slice(4), 16)}`;
const onRgb = (hex: string): string => `4${rgb(hex).slice(1)}`;

const roles: Record<ColourDepth, Record<Role, string>> = {
  truecolor: {
    text: '',
    strong: '1',
    dim: rgb('8f99ab'),
    faint: rgb('4d566b'),
    brand: `1;${rgb('16161e')};${onRgb('7dcfff')}`,
    accent: rgb('7dcfff'),
    good: rgb('9ece6a'),
    warn: rgb('e0af68'),
    bad: rgb('f7768e'),
    info: rgb('7aa2f7'),
    head: rgb('8f99ab'),
    sorted: `1;${rgb('7dcfff')}`,
    key: `1;${rgb('7dcfff')}`,
    others: rgb('5f6b85'),
    queue: rgb('bb9af7'),
    flow: rgb('73daca'),
    run: rgb('7aa2f7'),
    heat0: rgb('6fb86a'),
    heat1: rgb('9ece6a'),
    heat2: rgb('c3cf66'),
    heat3: rgb('e0af68'),
    heat4: rgb('ff9e64'),
    heat5: rgb('f7768e'),
  },
  '256': {
    text: '',
    strong: '1',
    dim: '38;5;246',
    faint: '38;5;240',
    brand: '1;38;5;16;48;5;117',
    accent: '38;5;117',
    good: '38;5;113',
    warn: '38;5;179',
    bad: '38;5;204',
    info: '38;5;111',
    head: '38;5;246',
    sorted: '1;38;5;117',
    key: '1;38;5;117',
    others: '38;5;60',
    queue: '38;5;141',
    flow: '38;5;79',
    run: '38;5;111',
    heat0: '38;5;71',
    heat1: '38;5;113',
    heat2: '38;5;149',
    heat3: '38;5;179',
    heat4: '38;5;209',
    heat5: '38;5;204',
  },
  '16': {
    text: '',
    strong: '1',
    dim: '37',
    faint: '90',
    brand: '1;30;46',
    accent: '36',
    good: '32',
    warn: '33',
    bad: '91',
    info: '94',
    head: '37',
    sorted: '1;36',
    key: '1;36',
    others: '90',
    queue: '35',
    flow: '36',
    run: '94',
    heat0: '32',
    heat1: '32',
    heat2: '32',
    heat3: '33',
    heat4: '33',
    heat5: '91',
  },
  none: {
    text: '',
    strong: '1',
    dim: '',
    faint: '',
    brand: '1;7',
    accent: '',
    good: '',
    warn: '1',
    bad: '1',
    info: '',
    head: '',
    sorted: '1;4',
    key: '1',
    others: '',
    queue: '',
    flow: '',
    run: '',
    heat0: '',
    heat1: '',
    heat2: '',
    heat3: '',
    heat4: '',
    heat5: '',
  },
};

const grounds: Record<ColourDepth, Record<Ground, string>> = {
  truecolor: {
    none: '',
    selected: onRgb('2e3a59'),
    marked: onRgb('2a2f3f'),
    others: onRgb('5f6b85'),
    bar: onRgb('1f2335'),
    toast: onRgb('233b33'),
    alarm: onRgb('4b2632'),
  },
  '256': {
    none: '',
    selected: '48;5;237',
    marked: '48;5;235',
    others: '48;5;60',
    bar: '48;5;235',
    toast: '48;5;22',
    alarm: '48;5;52',
  },
  '16': { none: '', selected: '7', marked: '', others: '100', bar: '', toast: '7', alarm: '7' },
  none: { none: '', selected: '7', marked: '', others: '', bar: '', toast: '7', alarm: '7' },
};

/** Returns the role for a share of a limit (0–1): green, yellow, red. */
export function heat(share: number): Role {
  if (share < 0.35) return 'heat0';
  if (share < 0.55) return 'heat1';
  if (share < 0.7) return 'heat2';
  if (share < 0.82) return 'heat3';
  if (share < 0.92) return 'heat4';
  return 'heat5';
}
