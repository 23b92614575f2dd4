import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCaldavProvider } from '../../src/channels/caldav/provider.ts';
import { createOutbound } from '../../src/outbound/outbound.ts';
import { createVault, parseKeyring } from '../../src/vault.ts';
import { ratioLine, type Bench } from './bench.ts';
import { median, until } from './measure.ts';
import { PASSWORD, startRadicale, USERNAME, vdirsyncer, type Radicale } from './radicale.ts';
import { settle, type Stage } from './stage.ts';

const EVENTS = 10_000;
const ROUNDS = 3;
const QUIET_ROUNDS = 5;
/** Objects a REPORT asks for: as many as the product's provider does. */
const MULTIGET_SIZE = 100;

/**
 * A real CalDAV server with ten thousand events, warm on both sides. A first sync ends with committed
 * rows and busy time here, with files at vdirsyncer, and with text in memory at the bare loop.
 */
export const caldav: Bench = {
  name: 'caldav',
  async run(stage) {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-dav-'));
    chmodSync(folder, 0o755);
    const port = stage.radicalePort;
    const radicale = await startRadicale(folder, { port, objects: objects() });
    try {
      return await measure(stage, radicale, folder);
    } finally {
      await radicale.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function measure(stage: Stage, radicale: Radicale, folder: string) {
  const client = await vdirsyncer(radicale, folder);
  const accountId = await addAccount(stage, radicale);
  const bare = bareClient(radicale.calendarUrl);
  let pairs = 0;
  const sides = {
    product: async () => connect(stage, accountId),
    vdirsyncer: async () => (await client.pair(`pair-${(pairs += 1)}`)).sync(),
    bare: () => bare.readAll(),
  };
  // The server reads and indexes its files at the first listing.
  await bare.readAll();
  await sides.vdirsyncer();
  const connectionId = await sides.product();
  await settle(stage);
  const initial = await rounds(ROUNDS, sides);

  const pair = await client.pair('quiet');
  await pair.sync();
  const token = await bare.token();
  const quiet = await rounds(QUIET_ROUNDS, {
    product: () => syncNow(stage, connectionId),
    vdirsyncer: () => pair.sync(),
    bare: () => bare.changesSince(token),
  });
  const line = (name: string, of: Record<string, number>, other: string, atMost: number) =>
    ratioLine({ name, unit: 's', value: of['product']!, reference: of[other]! }, { atMost });
  return [
    line('caldav-initial', initial, 'vdirsyncer', 1),
    line('caldav-initial-bare', initial, 'bare', 1.6),
    line('caldav-quiet', quiet, 'vdirsyncer', 0.333),
    line('caldav-quiet-bare', quiet, 'bare', 1.3),
  ];
}

/** Every side in turn, again and again; medians in seconds. */
async function rounds(
  count: number,
  sides: Record<string, () => Promise<unknown>>,
): Promise<Record<string, number>> {
  const tookS: Record<string, number[]> = {};
  for (let round = 0; round < count; round += 1) {
    for (const [name, work] of Object.entries(sides)) {
      const startedAt = performance.now();
      await work();
      (tookS[name] ??= []).push((performance.now() - startedAt) / 1_000);
    }
  }
  return Object.fromEntries(Object.entries(tookS).map(([name, all]) => [name, median(all)]));
}

async function addAccount(stage: Stage, radicale: Radicale): Promise<string> {
  const { database, tenantId, keyring } = stage;
  const host = new URL(radicale.url).host;
  const outbound = createOutbound({ allow: [host] });
  const { fetchOutside } = outbound;
  const provider = createCaldavProvider({ fetchOutside, parties: [], plainHttpHosts: [host] });
  const given = { username: USERNAME, password: PASSWORD, serverUrl: radicale.url };
  const { credential } = await provider.prove({ credential: { kind: 'basic', ...given } });
  await outbound.close();
  const id = randomUUID();
  const vault = createVault(parseKeyring(keyring));
  const sealed = vault.seal([tenantId, 'account', id], JSON.stringify(credential));
  await database.prisma.account.create({
    data: {
      tenantId,
      id,
      channel: 'caldav',
      subject: USERNAME,
      credential: new Uint8Array(sealed),
    },
  });
  return id;
}

/** From the request that connects to the end of the first pass. */
async function connect({ api, auth, owner }: Stage, accountId: string): Promise<string> {
  const headers = () => ({ ...auth, 'idempotency-key': randomUUID() });
  const resourceId = `dav-${randomUUID().slice(0, 8)}`;
  const resource = { id: resourceId, name: 'Room', timeZone: 'Europe/Paris', capacity: 1 };
  const post = <T>(path: string, body: unknown) =>
    api.ask<T>({ method: 'POST', path, headers: headers(), body }, 201);
  await post('/v1/resources', resource);
  const { items } = await api.ask<{ items: { id: string }[] }>(
    { path: `/v1/accounts/${accountId}/calendars`, headers: auth },
    200,
  );
  const calendarId = items.find(({ id }) => id.endsWith('/room/'))!.id;
  const { id } = await post<{ id: string }>('/v1/connections', {
    resourceId,
    accountId,
    calendarId,
  });
  await until(
    async () => {
      const { rows } = await owner.query<{ status: string }>(
        `SELECT status FROM connection WHERE id = $1`,
        [id],
      );
      return rows[0]?.status === 'live';
    },
    { what: 'the first pass ends', timeoutMs: 120_000, everyMs: 10 },
  );
  const { rows } = await owner.query<{ known: number }>(
    `SELECT count(*)::integer AS known FROM channel_event
      WHERE connection_id = $1 AND upper_inf(recorded)`,
    [id],
  );
  if (rows[0]!.known !== EVENTS)
    throw new Error(`Of ${EVENTS} events ${rows[0]!.known} are known.`);
  return id;
}

async function syncNow({ api, auth, owner }: Stage, connectionId: string): Promise<void> {
  // As a poll, whose rate nobody limits.
  await owner.query(`UPDATE connection SET pull_slot_at = NULL WHERE id = $1`, [connectionId]);
  const { pulled, status } = await api.ask<{ pulled: string; status: string }>(
    {
      method: 'POST',
      path: `/v1/connections/${connectionId}/sync-now`,
      headers: { ...auth, 'idempotency-key': randomUUID() },
      body: {},
    },
    200,
  );
  if (pulled !== 'done' || status !== 'live') throw new Error(`It was ${pulled} and ${status}.`);
}

/** RFC 6578 and RFC 4791 §7.9 with nothing around them; answers are not even parsed whole. */
function bareClient(calendarUrl: string) {
  const authorization = `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')}`;
  const report = async (depth: string, body: string): Promise<string> => {
    const response = await fetch(calendarUrl, {
      method: 'REPORT',
      headers: { authorization, depth, 'content-type': 'application/xml; charset=utf-8' },
      body: `<?xml version="1.0" encoding="utf-8"?>${body}`,
    });
    if (response.status !== 207) throw new Error(`A bare REPORT was answered ${response.status}.`);
    return response.text();
  };
  const sync = (token: string) =>
    report(
      '0',
      `<d:sync-collection xmlns:d="DAV:"><d:sync-token>${token}</d:sync-token>` +
        '<d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>',
    );
  const tokenIn = (text: string) => /<(?:\w+:)?sync-token>([^<]+)</.exec(text)![1]!;
  return {
    async readAll(): Promise<void> {
      const hrefs = [...(await sync('')).matchAll(/<(?:\w+:)?href>([^<]+\.ics)</g)];
      let read = 0;
      for (let at = 0; at < hrefs.length; at += MULTIGET_SIZE) {
        const wanted = hrefs.slice(at, at + MULTIGET_SIZE).map(([, href]) => href);
        const text = await report(
          '1',
          '<c:calendar-multiget xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">' +
            `<d:prop><d:getetag/><c:calendar-data/></d:prop>` +
            `${wanted.map((href) => `<d:href>${href}</d:href>`).join('')}</c:calendar-multiget>`,
        );
        read += text.split('BEGIN:VEVENT').length - 1;
      }
      if (read !== EVENTS) throw new Error(`The bare loop read ${read} of ${EVENTS} events.`);
    },
    token: async () => tokenIn(await sync('')),
    changesSince: (token: string) => sync(token),
  };
}

/** Ten thousand hours, one after the other. */
function objects(): { name: string; ics: string }[] {
  const firstAt = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1, 1);
  const stamp = (at: number) => new Date(at).toISOString().replace(/\.\d+|[-:]/g, '');
  return Array.from({ length: EVENTS }, (_, n) => {
    const startAt = firstAt + n * 3_600_000;
    const uid = `bench-${String(n).padStart(5, '0')}`;
    const lines = [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//Bench//EN',
      'BEGIN:VEVENT',
      `UID:${uid}`,
      `DTSTAMP:${stamp(firstAt)}`,
      `DTSTART:${stamp(startAt)}`,
      `DTEND:${stamp(startAt + 1_800_000)}`,
      'SUMMARY:Somebody',
      'END:VEVENT',
      'END:VCALENDAR',
      '',
    ];
    return { name: `${uid}.ics`, ics: lines.join('\r\n') };
  });
}
