/** Runs a handler of examples/handlers.ts for each text and sums up. */
import { connect } from 'lbtop';

await using lbtop = await connect();
const texts = ['The fleet shares work', 'the work is shared by the fleet'];
const sum = new Map<string, number>();
for await (const { state, result, error } of lbtop.map({ task: 'words' }, texts, { order: 'end' })) {
  if (state !== 'succeeded') throw new Error(error ?? state);
  for (const [word, count] of Object.entries(result as Record<string, number>))
    sum.set(word, (sum.get(word) ?? 0) + count);
}
console.log(
  [...sum]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([word, count]) => `${word} ${count}`)
    .join('\n'),
);
