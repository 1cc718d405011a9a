/** The last line: the keys that work here, what is being typed, or what became of an action. */
import type { ReactNode } from 'react';
import { displayText } from '../../view/display-text.ts';
import { fixed, joined, type SafeText, vouched } from '../../view/safe-text.ts';
import { footerRow } from '../footer.ts';
import { type InterfaceState, type Typing, windowHere } from '../interface-state.ts';
import type { Line, Row } from '../line.ts';
import type { Theme } from '../theme.ts';
import { Rows } from './rows.tsx';

export function Foot({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  return <Rows theme={theme} lines={[footLine(state, theme)]} width={state.columns} height={1} />;
}

function footLine(state: InterfaceState, theme: Theme): Line {
  if (state.mode.kind === 'typing') return { row: typingRow(state, state.mode), ground: 'bar' };
  if (state.toast !== null) {
    const { text, kind } = state.toast;
    const mark = kind === 'done' ? (theme.glyphs === 'ascii' ? fixed(' * ') : fixed(' ✓ ')) : fixed(' ! ');
    return {
      row: [
        [mark, kind === 'done' ? 'good' : 'bad'],
        [text, 'text'],
      ],
      ground: kind === 'done' ? 'toast' : 'alarm',
    };
  }
  return { row: footerRow(state), ground: 'bar' };
}

const prompts: Record<Typing['purpose'], SafeText> = {
  filter: fixed('/'),
  command: fixed(':'),
  throttle: fixed('share of time that tasks may run, 5–100 %: '),
  'go-to': fixed('go to (12:04:31, -5m, 50%): '),
  record: fixed('record into the file (empty ends): '),
};

function typingRow(state: InterfaceState, mode: Typing): Row {
  const window = windowHere(state);
  const count =
    mode.purpose === 'filter' && window !== null
      ? joined(fixed('   '), vouched(String(window.matched)), fixed(' of '), vouched(String(window.total)))
      : fixed('');
  return [
    [joined(fixed(' '), prompts[mode.purpose]), 'key'],
    [displayText(mode.text), 'text'],
    [fixed('█'), 'accent'],
    [count, 'dim'],
  ];
}
