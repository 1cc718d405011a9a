import { expect, test } from 'vitest';
import { packSeries, unpackSeries } from '../../source/feed/trace-series.ts';
import { emptySeries, lastEvents } from '../../source/view/series.ts';

const nothing = () => {
  throw new Error('there are no pages');
};

test('counters that a file gives are whole numbers, or as before the first fact', () => {
  const gatherer = { add: nothing } as never;
  for (const wrong of [1e300, Number.POSITIVE_INFINITY, Number.NaN, 0.5, '7', null]) {
    const [fields, ...rest] = packSeries(emptySeries(), { pages: [] }, gatherer) as [Record<string, unknown>];
    fields.nextEvent = wrong;
    fields.ended = { ...(fields.ended as object), newest: wrong, bucketMs: wrong };
    const series = unpackSeries([fields, ...rest], nothing);
    expect(series.nextEvent).toBe(0);
    expect(series.ended).toMatchObject({ newest: -1, bucketMs: 1_000 });
    expect(lastEvents(series, 10)).toEqual([]);
  }
});
