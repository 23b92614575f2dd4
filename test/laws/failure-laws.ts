import { expect, test } from 'vitest';
import { Failure } from '../../src/domain/failure.ts';
import { ask, freshCopy, hourOn } from './bench.ts';
import type { Bench, BenchCalendar, BenchFault, FailureRow } from './bench.ts';

export function failureLaws(
  bench: () => Bench,
  { failures }: { failures: readonly FailureRow[] },
): void {
  async function failureOf(fault: BenchFault): Promise<{ error: unknown; requests: number }> {
    const at = await bench().newCalendar();
    await bench().seedEvents(at, [hourOn(1)]);
    await bench().fault(fault);
    const before = await bench().requests();
    const error = await act(bench(), at, fault.on).catch((thrown: unknown) => thrown);
    return { error, requests: (await bench().requests()) - before };
  }

  test.each(failures)('$name is $expected.kind', async ({ fault, expected, ...row }) => {
    const { error, requests } = await failureOf(fault);
    expect(error).toBeInstanceOf(Failure);
    expect(error).toMatchObject(expected);
    expect(requests).toBe(row.requests ?? 1);
  });

  const silences: { name: string; fault: Omit<BenchFault, 'on'> }[] = [
    { name: 'a connection cut before the answer', fault: { drop: 'before' } },
    { name: 'an answer that never arrives', fault: { drop: 'after' } },
    { name: 'an answer cut in the middle', fault: { cutBody: true } },
    { name: 'an answer that takes too long', fault: { delayMs: 1_500 } },
    { name: 'an answer that is not of the channel', fault: { status: 200, body: '<html>' } },
  ];
  test.each(silences)('$name is a failure, and nothing is taken for gone', async ({ fault }) => {
    const { error } = await failureOf({ on: 'pull', ...fault });
    expect(error).toBeInstanceOf(Failure);
    expect(['unavailable', 'invalid']).toContain((error as Failure).kind);
  });

  test('an aborted pull ends at once as unavailable', async () => {
    const at = await bench().newCalendar();
    await bench().fault({ on: 'pull', delayMs: 1_500 });
    const startedAt = performance.now();
    const pulled = ask(bench(), at, { signal: AbortSignal.timeout(100) });
    await expect(pulled).rejects.toMatchObject({ name: 'Failure', kind: 'unavailable' });
    expect(performance.now() - startedAt).toBeLessThan(900);
    await bench().takePosition({ name: 'usual', switches: {} });
  });

  test('a failure in a later pass leaves the cursor as good as before', async () => {
    const at = await bench().newCalendar();
    const { cursor } = await freshCopy(bench(), at);
    const [added] = await bench().seedEvents(at, [hourOn(2)]);
    await bench().fault({ on: 'pull', status: 503 });
    await expect(ask(bench(), at, { cursor })).rejects.toMatchObject({ kind: 'unavailable' });
    expect(JSON.stringify(await ask(bench(), at, { cursor }))).toContain(added);
  });

  test('no failure says what opened the account', async () => {
    for (const { fault } of failures) {
      const at = await bench().newCalendar();
      await bench().fault(fault);
      const error = await act(bench(), at, fault.on).catch((thrown: unknown) => thrown);
      const { message, stack, cause } = error as Error;
      const shown = `${message} ${stack} ${JSON.stringify(error)} ${JSON.stringify(cause)}`;
      for (const secret of Object.values(at.access).filter((text) => text !== at.access.kind))
        expect(shown).not.toContain(secret);
    }
  });
}

async function act(bench: Bench, at: BenchCalendar, on: BenchFault['on']): Promise<unknown> {
  const { provider } = bench;
  const { startAt, endAt } = hourOn(3);
  const event = {
    startAt,
    endAt,
    status: 'confirmed' as const,
    summary: 'Booked',
    marker: 'booking-1',
  };
  switch (on) {
    case 'pull':
      return ask(bench, at, {});
    case 'read':
      return provider.read({ ...at, nativeId: 'abcde' });
    case 'remove':
      return provider.remove({ ...at, id: 'a', generation: 0, nativeId: 'abcde', ifMatch: null });
    case 'write':
      return provider.write({ ...at, id: 'mirror-1', generation: 0, event, ifMatch: null });
  }
}
