import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isPortFree } from '../../scripts/ports.ts';
import { isAlive } from '../../scripts/processes.ts';
import { createHoldfastClient, type HoldfastClient } from '../../temporal/holdfast-client.ts';
import { cloneProject, processesIn, type Clone } from '../support/clone.ts';
import { until } from '../support/holdfast.ts';
import { at } from '../support/scene.ts';

const CALENDAR = '/google/calendars/villa@group.calendar.google.com/events';
const AGAIN_WITHIN_S = 15;

let clone: Clone;
let holdfast: HoldfastClient;
let banner = '';
/** Of every booking made here, to be found again at the end. */
const booked: string[] = [];
let day = 250;

beforeAll(async () => {
  clone = await cloneProject();
  banner = await clone.start();
  holdfast = createHoldfastClient({ apiUrl: clone.apiUrl, apiKey: 'hf_demo_loopback-only' });
}, 240_000);
afterAll(() => clone.remove(), 60_000);

it('the banner names the API, its docs, the run in Temporal UI, the key and three lines to paste', async () => {
  for (const one of [`${clone.apiUrl}/docs`, 'connection%2Fdemo%2Fvilla-google', 'hf_demo_'])
    expect(banner).toContain(one);
  const commands = banner.split('\n').filter((line) => line.startsWith('  curl '));
  expect(commands).toHaveLength(3);
  const answers = [];
  for (const command of commands)
    answers.push(JSON.parse((await clone.run('bash', ['-c', command])).stdout) as unknown);
  expect(answers).toEqual([
    expect.objectContaining({ spans: expect.any(Array) as unknown }),
    expect.objectContaining({ event: expect.any(Object) as unknown }),
    expect.objectContaining({ state: 'confirmed' }),
  ]);
});

it('the booking page stands at the address of the banner and lists nights', async () => {
  const [, address = ''] = /Booking page (http:\S+)/.exec(banner) ?? [];
  expect(await (await fetch(address)).text()).toContain('/v3/stripe.js');
  const shown = (await (await fetch(`${address}/nights`)).json()) as { nights: unknown[] };
  expect(shown.nights.length).toBeGreaterThan(100);
});

it('the tour plays to its end', async () => {
  const { stdout } = await clone.run('npm', ['run', '--silent', 'tour']);
  expect(stdout).toContain('All as it should be.');
}, 90_000);

it.each(['postgres', 'temporal', 'emulators', 'worker', 'api', 'shop'])(
  'after kill -9 of %s everything is there and works',
  async (name) => {
    const before = await book();
    const killed = clone.processes().get(name)!;
    process.kill(killed.pid, 'SIGKILL');
    await until(
      async () => clone.processes().get(name),
      (now) => now !== undefined && now.pid !== killed.pid && isAlive(now),
      60_000,
    );
    await everythingWorks();
    expect((await holdfast.bookings.get(before)).state).toBe('confirmed');
  },
  120_000,
);

it('Ctrl-C leaves no process and no open port, and a second start finds the same', async () => {
  const before = await whatIsKept();
  const { position } = (await entriesAfter()).at(-1)!;
  expect(before.bookings.map(({ id }) => id)).toEqual(expect.arrayContaining(booked));
  expect(await clone.stop()).toContain('Stopped.');
  expect(processesIn(clone.folder)).toEqual([]);
  const open = [];
  for (const port of clone.ports()) if (!(await isPortFree(port))) open.push(port);
  expect(open).toEqual([]);

  const again = await clone.start();
  expect(Number(/Holdfast is up \((\d+) s\)/.exec(again)?.[1])).toBeLessThanOrEqual(AGAIN_WITHIN_S);
  expect(await whatIsKept()).toEqual(before);
  expect(await entriesAfter(position)).toEqual([]);
  await everythingWorks();
}, 120_000);

it('a start that finds the emulators empty makes the demo whole again', async () => {
  await clone.stop();
  rmSync(join(clone.folder, '.holdfast', 'emulators'), { recursive: true });
  expect(await clone.start()).toContain('Holdfast is up');
  await everythingWorks();
}, 120_000);

/** A paid booking goes through, and an edit of the calendar is seen by notification. */
async function everythingWorks() {
  await book();
  day += 1;
  const span = { from: at(day, 0), to: at(day + 1, 0) };
  await edit({ start: { dateTime: span.from }, end: { dateTime: span.to } });
  const { spans } = await until(
    () => holdfast.resources.availability('villa', span),
    (answer) => answer.spans?.length === 0,
  );
  expect(spans).toEqual([]);
  day += 1;
}

async function book(): Promise<string> {
  day += 1;
  const booking = await holdfast.bookings.create(
    {
      resourceId: 'villa',
      startAt: at(day, 1),
      endAt: at(day, 2),
      payment: { kind: 'method', paymentMethod: 'pm_card_visa' },
    },
    { waitSeconds: 30 },
  );
  expect(booking).toMatchObject({ state: 'confirmed', payment: { status: 'captured' } });
  booked.push(booking.id);
  return booking.id;
}

async function edit(event: unknown) {
  const emulators = /Emulators +(http\S+)/.exec(banner)![1]!;
  const response = await fetch(`${emulators}/control${CALENDAR}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  });
  expect(response.status).toBe(200);
}

/** All changes since a position of the journal. */
async function entriesAfter(position?: string) {
  const entries = [];
  let after = position;
  for (;;) {
    const page = await holdfast.journal.read({ limit: 200, ...(after && { after }) });
    entries.push(...page.items);
    if (page.items.length === 0) return entries;
    after = page.next!;
  }
}

async function whatIsKept() {
  const [bookings, resources, accounts, connections] = await Promise.all([
    holdfast.bookings.list({ limit: 200 }),
    holdfast.resources.list(),
    holdfast.accounts.list(),
    holdfast.connections.list(),
  ]);
  return {
    bookings: bookings.items,
    resources: resources.items,
    accounts: accounts.items,
    connections: connections.items.map(({ id, status, createdAt }) => ({ id, status, createdAt })),
  };
}
