import { expect, test } from 'vitest';
import { counted, tallied } from '../../src/outbound/requests.ts';

test('requests are counted for whoever runs them, also when calls go on side by side', async () => {
  const send = counted(async (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)));
  const [one, two] = [{ made: 0 }, { made: 0 }];
  await Promise.all([
    tallied(one, async () => {
      await send(5);
      await send(1);
    }),
    tallied(two, () => send(2)),
    send(1),
  ]);
  expect([one.made, two.made]).toEqual([2, 1]);
});

test('a request that fails counts as well', async () => {
  const tally = { made: 0 };
  const refuse = counted(() => Promise.reject(new Error('refused')));
  await expect(tallied(tally, refuse)).rejects.toThrow('refused');
  expect(tally.made).toBe(1);
});
