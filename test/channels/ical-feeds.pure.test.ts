import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, emptyCopy, hourOn, runPass } from '../laws/bench.ts';
import type { BenchCalendar } from '../laws/bench.ts';
import { openIcalBench } from '../laws/ical-bench.ts';
import type { IcalBench } from '../laws/ical-bench.ts';

let bench: IcalBench;
beforeAll(async () => {
  bench = await openIcalBench();
});
afterAll(() => bench.close());

async function feedWith(manner: Record<string, unknown>): Promise<BenchCalendar> {
  await bench.takePosition({ name: 'usual', switches: {} });
  const at = await bench.newCalendar();
  await bench.seedEvents(at, [hourOn(1), hourOn(2)]);
  await bench.control('PATCH', `feeds/${bench.feedOf(at)}/manner`, manner);
  return at;
}

describe('a feed host', () => {
  it.each([
    ['redirects in a circle', { redirectLoop: true }, 'invalid', 'outbound-redirects'],
    [
      'redirects to the metadata of its cloud',
      { redirectTo: 'http://169.254.169.254/latest/meta-data/' },
      'invalid',
      'outbound-private-address',
    ],
    [
      'redirects to a port that is not open to feeds',
      { redirectTo: 'http://example.com:6379/' },
      'invalid',
      'outbound-port',
    ],
    ['sends more than 10 MiB', { padToBytes: 11_000_000 }, 'invalid', 'outbound-too-large'],
    [
      'sends more than 10 MiB once unfolded',
      { padToBytes: 11_000_000, encoding: 'gzip-unasked' },
      'invalid',
      'outbound-too-large',
    ],
    ['lets the file trickle', { trickleMs: 200 }, 'unavailable', 'outbound-timeout'],
    ['ends the file half-way', { truncated: 'clean' }, 'invalid', 'feed-incomplete'],
    [
      'ends the connection half-way',
      { truncated: 'connection' },
      'unavailable',
      'outbound-network',
    ],
    [
      'ends a connection of unknown length half-way',
      { truncated: 'connection', chunked: true },
      'unavailable',
      'outbound-network',
    ],
  ])('that %s makes the pass fail, and nothing is removed', async (...row) => {
    const [, manner, kind, code] = row;
    const at = await feedWith(manner);
    await expect(ask(bench, at, {})).rejects.toMatchObject({ kind, code });
  });

  it.each([
    { contentType: 'text/html' },
    { contentType: 'application/octet-stream', chunked: true },
    { encoding: 'gzip' },
    { delayMs: 50 },
  ])('may do this: %j', async (manner) => {
    const at = await feedWith(manner);
    const copy = emptyCopy();
    await runPass(bench, at, { copy });
    expect(copy.events.size).toBe(2);
  });

  it('may move its file once', async () => {
    const at = await feedWith({});
    const from = await feedWith({ redirectTo: urlOf(at) });
    const copy = emptyCopy();
    await runPass(bench, from, { copy });
    expect(copy.events.size).toBe(2);
  });
});

describe.each(['airbnb', 'booking', 'vrbo'])('a feed in the style of %s', (style) => {
  async function styled(): Promise<{ name: string; at: BenchCalendar }> {
    await bench.takePosition({ name: 'usual', switches: {} });
    const name = `styled-${style}-${crypto.randomUUID()}`;
    const origin = new URL(urlOf(await bench.newCalendar())).origin;
    await bench.control('PUT', `feeds/${name}`, {
      style,
      secret: 's',
      events: [
        { start: '2027-02-01', end: '2027-02-05' },
        { start: '2027-02-10', end: '2027-02-12', kind: 'block' },
      ],
    });
    const url = `${origin}/feeds/${name}.ics?s=s`;
    const calendar = { id: name, timeZone: 'Europe/Paris' };
    return { name, at: { access: { kind: 'url', url }, calendar } };
  }

  it('says nothing new when only its stamps are new', async () => {
    const { at } = await styled();
    const copy = emptyCopy();
    await runPass(bench, at, { copy });
    expect([...copy.events.values()].map(({ start }) => start)).toContainEqual({
      kind: 'date',
      date: '2027-02-01',
    });
    // Stamps have whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    const [page] = await runPass(bench, at, { copy });
    expect(page).toMatchObject({ kind: 'delta', changes: [] });
  });

  it('is a new snapshot when its entries get new names', async () => {
    const { name, at } = await styled();
    const copy = emptyCopy();
    await runPass(bench, at, { copy });
    const before = [...copy.events.keys()];
    await bench.control('POST', `feeds/${name}/renew-uids`, {});
    const [page] = await runPass(bench, at, { copy });
    expect(page?.kind).toBe('snapshot');
    expect(copy.events.size).toBe(2);
    expect([...copy.events.keys()].some((id) => before.includes(id))).toBe(false);
  });
});

const urlOf = ({ access }: BenchCalendar): string => (access.kind === 'url' ? access.url : '');
