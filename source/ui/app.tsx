/** The interface on the screen: draws the store's state, passes keys and sizes on to it. */
import { Box, useInput, useStdin, useWindowSize } from 'ink';
import { type ReactNode, useContext, useEffect, useLayoutEffect, useSyncExternalStore } from 'react';
import type { Feed } from '../feed/feed.ts';
import { Dialog } from './components/dialog.tsx';
import { Foot } from './components/foot.tsx';
import { Pages } from './components/pages.tsx';
import { PaintingContext, Rows } from './components/rows.tsx';
import { TimeBar } from './components/time-bar.tsx';
import { Title, tinyRow } from './components/title.tsx';
import { type InterfaceState, isPast, layoutOf } from './interface-state.ts';
import { keyNames } from './key-press.ts';
import { mouseReader } from './mouse.ts';
import { ChartsScreen } from './screens/charts.tsx';
import { Detail } from './screens/detail.tsx';
import { EventsScreen, Ticker } from './screens/events.tsx';
import { JobsScreen } from './screens/jobs.tsx';
import { NodesScreen } from './screens/nodes.tsx';
import { TasksTable } from './screens/tasks.tsx';
import type { Store } from './store.ts';
import type { Theme } from './theme.ts';

/** The whole interface. The store is opened by who made it. */
export function App({ store, feed, theme }: { store: Store; feed: Feed; theme: Theme }): ReactNode {
  const state = useSyncExternalStore(store.subscribe, () => store.state);
  const { columns, rows } = useWindowSize();
  useEffect(() => store.resize(columns, rows), [store, columns, rows]);
  useInput((input, key) => {
    for (const name of keyNames(input, key)) store.press(name);
  });
  const { stdin } = useStdin();
  useEffect(() => {
    // After Ink listens: it reads, and each piece that it reads is told here too. Listening alone would take keys from it.
    const actsOf = mouseReader();
    const onData = (piece: Buffer | string): void => {
      for (const act of actsOf(String(piece))) store.point(act);
    };
    stdin.on('data', onData);
    return () => void stdin.off('data', onData);
  }, [store, stdin]);
  // In the frame after a resize the state still has the old size: what is drawn fits the new one at once.
  return (
    <Screen
      state={state.columns === columns && state.rows === rows ? state : { ...state, columns, rows }}
      feed={feed}
      theme={theme}
    />
  );
}

/** What a state looks like: exactly its size. */
export function Screen({ state, feed, theme }: { state: InterfaceState; feed: Feed; theme: Theme }): ReactNode {
  const { columns, rows, mode } = state;
  const painting = useContext(PaintingContext);
  // After the lines below have put themselves where Ink's layout has them.
  useLayoutEffect(() => painting?.show());
  // What is painted elsewhere flows over a box of one row: Ink has no empty screen to write.
  return (
    <Box flexDirection="column" width={columns} height={painting === null ? rows : 1}>
      {layoutOf(state).tiny ? (
        <Rows theme={theme} lines={[{ row: tinyRow(state, theme) }]} width={columns} height={1} />
      ) : mode.kind === 'pages' ? (
        <Pages state={state} mode={mode} theme={theme} />
      ) : (
        <>
          <Title state={state} theme={theme} />
          <Detail state={state} theme={theme} />
          <View state={state} theme={theme} />
          <Ticker state={state} theme={theme} />
          {state.time !== null && isPast(state) ? (
            <TimeBar state={state} time={state.time} incidents={feed.time?.incidents() ?? []} theme={theme} />
          ) : null}
          <Foot state={state} theme={theme} />
          {mode.kind === 'question' || mode.kind === 'choice' ? (
            <Dialog mode={mode} theme={theme} columns={columns} rows={rows} />
          ) : null}
        </>
      )}
    </Box>
  );
}

function View({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  switch (state.place.screen) {
    case 'nodes':
      return <NodesScreen state={state} theme={theme} />;
    case 'jobs':
      return <JobsScreen state={state} theme={theme} />;
    case 'events':
      return <EventsScreen state={state} theme={theme} />;
    case 'charts':
      return <ChartsScreen state={state} theme={theme} />;
    default:
      return <TasksTable state={state} theme={theme} />;
  }
}
