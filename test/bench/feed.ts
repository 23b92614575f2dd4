import { randomUUID } from 'node:crypto';
import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { sync } from 'node-ical';
import type { Channel, ChannelProvider } from '../../src/channels/channel-provider.ts';
import { createIcalProvider } from '../../src/channels/ical/provider.ts';
import { DEFAULT_CONNECTION_SETTINGS } from '../../src/domain/connection.ts';
import { createVault, parseKeyring } from '../../src/vault.ts';
import { pullPage } from '../../temporal/activities/connection.ts';
import type { ActivityDependencies } from '../../temporal/activities/dependencies.ts';
import { UNLIMITED } from '../support/limits.ts';
import { limitLine, ratioLine, type Bench } from './bench.ts';
import { interleaved, median } from './measure.ts';
import { settle, type Stage } from './stage.ts';

const EVENTS = 10_000;
const ROUNDS = 3;
const UNCHANGED_ROUNDS = 15;
const UNCHANGED_LIMIT_MS = 20;
const DAY_MS = 86_400_000;
const RESOURCE = 'feed-room';

/**
 * A calendar file of many zoned events, a fifth of them recurring: from its bytes to committed rows
 * against another reader that only parses it; then the same file again, as it was and with nothing
 * but new stamps. The file is handed over in memory, so that no network is measured.
 */
export const feed: Bench = {
  name: 'feed',
  async run(stage) {
    await stage.owner.query(
      `INSERT INTO resource (tenant_id, id, name, time_zone, capacity, settings)
       VALUES ($1, $2, 'A room', 'Europe/Paris', 1, '{}')`,
      [stage.tenantId, RESOURCE],
    );
    const text = calendarText('20261120T101500Z');
    const scene = openScene(stage, text);
    await scene.readAll(await addConnection(stage));
    await settle(stage);
    const perSecond = async (work: () => unknown) => {
      const startedAt = performance.now();
      await work();
      return (EVENTS * 1_000) / (performance.now() - startedAt);
    };
    const { value, reference } = await interleaved(ROUNDS, {
      reference: () => perSecond(() => sync.parseICS(text)),
      product: async () => {
        const connectionId = await addConnection(stage);
        return perSecond(() => scene.readAll(connectionId));
      },
    });
    const measured = { name: 'feed', unit: 'events/s to rows', value, reference };
    return [
      ratioLine(measured, { atLeast: 0.5 }),
      await unchanged(scene, await addConnection(stage), 'feed-unchanged'),
      await unchanged(scene, await addConnection(stage), 'feed-stamped'),
    ];
  },
};

/** Milliseconds of a pass over a file that says nothing new. */
async function unchanged(scene: Scene, connectionId: string, name: string) {
  const texts = ['20261121T101500Z', '20261122T101500Z'].map(calendarText);
  scene.serve(texts[0]!);
  await scene.readAll(connectionId);
  const tookMs: number[] = [];
  for (let round = 0; round < UNCHANGED_ROUNDS; round += 1) {
    if (name === 'feed-stamped') scene.serve(texts[(round + 1) % 2]!);
    const startedAt = performance.now();
    await scene.readAll(connectionId);
    tookMs.push(performance.now() - startedAt);
  }
  const measured = { name, unit: 'ms a pass', value: median(tookMs), reference: null };
  return limitLine(measured, UNCHANGED_LIMIT_MS);
}

interface Scene {
  serve(text: string): void;
  /** Passes of the connection's activity until nothing more is to be read. */
  readAll(connectionId: string): Promise<void>;
}

function openScene({ database, keyring, tenantId }: Stage, first: string): Scene {
  let body = Buffer.from(first);
  const provider = createIcalProvider({
    fetchOutside: async ({ url }) => ({ status: 200, headers: {}, body, url }),
  });
  const deps: ActivityDependencies = {
    database,
    vault: createVault(parseKeyring(keyring)),
    channels: new Map<Channel, ChannelProvider>([['ical', provider]]),
    ...UNLIMITED,
    openAccess: () => Promise.resolve({ kind: 'url', url: 'https://feeds.example.com/room.ics' }),
    payments: {} as ActivityDependencies['payments'],
    commands: {
      requestMirror: () => Promise.resolve(),
      requestSync: () => Promise.resolve(),
      resumeChange: () => Promise.resolve(),
      giveUpBooking: () => Promise.resolve({ kind: 'cancelled' }),
      changeBooking: () => Promise.resolve({ kind: 'done' }),
    },
    settings: { horizonMs: 548 * DAY_MS, publicUrl: null, pollsPerHour: 1_000_000 },
    now: () => Date.UTC(2026, 10, 21, 12),
    log: () => undefined,
  };
  const context = { cancellationSignal: new AbortController().signal } as Context;
  return {
    serve: (text) => {
      body = Buffer.from(text);
    },
    async readAll(connectionId) {
      for (let fromVersion = await versionOf(deps, connectionId); ;) {
        const input = { tenantId, connectionId, fromVersion, acceptRemovals: false };
        const result = await asyncLocalStorage.run(context, () => pullPage(deps, input));
        if (result.kind !== 'page') throw new Error(`A page was answered ${result.kind}.`);
        if (!result.more) return;
        fromVersion = result.cursorVersion;
      }
    },
  };
}

async function versionOf({ database }: ActivityDependencies, id: string): Promise<number> {
  const { rows } = await database.pool.query<{ version: string }>(
    'SELECT cursor_version AS version FROM connection WHERE id = $1',
    [id],
  );
  return Number(rows[0]!.version);
}

async function addConnection({ owner, tenantId }: Stage): Promise<string> {
  const id = `feed-${randomUUID()}`;
  await owner.query(
    `WITH account AS (
       INSERT INTO account (tenant_id, id, channel, credential) VALUES ($1, $2, 'ical', '\\x00'))
     INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id,
       time_zone, settings, writable)
     VALUES ($1, $2, $3, $2, 'ical', 'feed', 'Europe/Paris', $4, false)`,
    [tenantId, id, RESOURCE, DEFAULT_CONNECTION_SETTINGS],
  );
  return id;
}

const WEEKDAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const ZONE = [
  'BEGIN:VTIMEZONE',
  'TZID:Europe/Paris',
  'BEGIN:DAYLIGHT',
  'DTSTART:19700329T020000',
  'TZOFFSETFROM:+0100',
  'TZOFFSETTO:+0200',
  'RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU',
  'END:DAYLIGHT',
  'BEGIN:STANDARD',
  'DTSTART:19701025T030000',
  'TZOFFSETFROM:+0200',
  'TZOFFSETTO:+0100',
  'RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU',
  'END:STANDARD',
  'END:VTIMEZONE',
];

/** Every fifth event is a weekly series of a few weeks. */
function calendarText(stamp: string): string {
  const lines = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Bench//EN', ...ZONE];
  for (let n = 0; n < EVENTS; n += 1) {
    const at = new Date(Date.UTC(2026, 11, 1) + (n % 500) * DAY_MS);
    const day = at.toISOString().slice(0, 10).replaceAll('-', '');
    const hour = String(n % 20).padStart(2, '0');
    const weekday = WEEKDAYS[at.getUTCDay()];
    lines.push(
      'BEGIN:VEVENT',
      `UID:${n}-5b1d2c3e@example.com`,
      `DTSTAMP:${stamp}`,
      `DTSTART;TZID=Europe/Paris:${day}T${hour}0000`,
      `DTEND;TZID=Europe/Paris:${day}T${hour}4500`,
      ...(n % 5 === 0 ? [`RRULE:FREQ=WEEKLY;COUNT=${4 + (n % 7)};BYDAY=${weekday}`] : []),
      'SEQUENCE:0',
      `SUMMARY:Appointment ${n}`,
      'STATUS:CONFIRMED',
      'END:VEVENT',
    );
  }
  return [...lines, 'END:VCALENDAR', ''].join('\r\n');
}
