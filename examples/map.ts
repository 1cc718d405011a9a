/** Work once for each value, and results in the order of the values. `node examples/map.ts` beside a coordinator with a node. */
import { connect } from 'lbtop';

await using lbtop = await connect();
const numbers = ['360', '1000000016000000063', '97'];
for await (const { index, state, result, error } of lbtop.map({ task: 'factorize' }, numbers))
  console.log(numbers[index], state === 'succeeded' ? JSON.stringify(result) : `${state}: ${error}`);
