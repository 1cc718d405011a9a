import { expect, test } from 'vitest';
import { jobSpec, type Work } from '../../source/model/job.ts';
import { coordinatorHere } from '../helpers/coordinator.ts';

test('a variable whose name holds what ends a name is refused: programs would read another one', async () => {
  await using here = await coordinatorHere();
  const client = await here.client();
  const work: Work = { kind: 'command', argv: ['true'], shell: false, task: '', input: null };
  const submit = (env: Record<string, string>) =>
    client.request('submit', { spec: jobSpec({ work, env }), upload: null });
  for (const name of ['BASH_ENV=/x', '', 'A\0B'])
    await expect(submit({ [name]: '1' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('no variable can be named'),
    });
  expect(await submit({ FINE: 'a=b' })).toMatchObject({ job: 1 });
});
