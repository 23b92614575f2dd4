/**
 * The demo of `npm start`: a villa with a Google calendar and a price, a studio with a feed, a practice
 * with Outlook, kayaks with a CalDAV calendar, a cabin that the booking page sells by the night. Safe
 * to repeat. Its last line of output is a `Demo` as JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { loadConfig } from '../src/config.ts';
import { openDatabase } from '../src/store/database.ts';
import { commandLookups } from '../src/store/lookups.ts';
import { createVault } from '../src/vault.ts';
import { createCommands } from '../temporal/client.ts';
import { connectionWorkflowId } from '../temporal/contracts/names.ts';
import { DEMO, dateIn, VILLA_EVENTS_PATH } from './demo-names.ts';
import type { Demo } from './demo-process.ts';
import { makeRows } from './demo-rows.ts';
import { feedUrl, isVillaWatched, kayaksUrl, makeWorld } from './demo-world.ts';
import type { World } from './demo-world.ts';

const WITHIN_MS = 40_000;
/** What a person chose, or has to look at first: nothing to wait for. */
const SETTLED = ['live', 'paused', 'guarded', 'disconnected'];

interface Place extends World {
  apiUrl: string;
  googleIsEmulated: boolean;
}

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const emulatorsUrl = process.env['EMULATORS_URL'];
  if (config.environment !== 'development')
    throw new Error('The demo is for development: its key is known to everybody. Use npm start.');
  if (!emulatorsUrl) throw new Error('EMULATORS_URL is missing: npm start sets it.');
  const apiUrl = `http://127.0.0.1:${config.apiPort}`;
  const publicUrl = config.publicUrl ?? apiUrl;
  const googleIsEmulated = config.googleApiUrl === emulatorsUrl;
  const microsoftIsEmulated = config.microsoftApiUrl === emulatorsUrl;
  const place = { apiUrl, emulatorsUrl, publicUrl, googleIsEmulated };

  await makeWorld(place);
  const database = openDatabase({ url: config.databaseUrl, poolSize: 4 });
  try {
    const vault = createVault(config.keyring);
    await makeRows(database, {
      vault,
      emulatorsUrl,
      feedUrl: feedUrl(place),
      kayaksUrl: await kayaksUrl(place),
      googleIsEmulated,
      microsoftIsEmulated,
    });
    const { connectionOptions, namespace } = loadClientConnectConfig();
    const connection = await Connection.connect(connectionOptions);
    const client = new Client({ connection, namespace: namespace ?? 'default' });
    const lookups = commandLookups(database.pool);
    const commands = createCommands({ client, taskQueue: config.taskQueue, lookups });
    const tell: Tell = (ref) => commands.reauthorized(ref);
    // With the person's own client its calendar is out of reach until the next start without.
    await Promise.all([
      bringLive(place, DEMO.studio.connectionId),
      bringBack(place, DEMO.kayaks, tell),
      googleIsEmulated && bringVillaLive(place, tell),
      microsoftIsEmulated && bringBack(place, DEMO.practice, tell),
    ]);
    await connection.close();
  } finally {
    await database.close();
  }
  process.stdout.write(`${JSON.stringify(demoOf(place))}\n`);
}

type Tell = (ref: { tenantId: string; connectionId: string }) => Promise<void>;

/** After the emulators were started anew nobody watches the calendar, though the run believes so. */
async function bringVillaLive(place: Place, reauthorized: Tell) {
  const { tenantId, villa } = DEMO;
  const ref = { tenantId, connectionId: villa.connectionId };
  const settled = await bringBack(place, villa, reauthorized);
  if (settled !== 'live' || (await isVillaWatched(place))) return;
  await reauthorized(ref);
  await within('The villa is not watched by its calendar', () => isVillaWatched(place));
}

/** One whose account was given its credential anew does not wait for its next try. */
async function bringBack(
  place: Place,
  { connectionId }: { connectionId: string },
  reauthorized: Tell,
): Promise<string> {
  const { status } = await statusOf(place, connectionId);
  if (GIVEN_UP.includes(status)) await reauthorized({ tenantId: DEMO.tenantId, connectionId });
  return bringLive(place, connectionId);
}

const GIVEN_UP = ['needs-reauthorization', 'failing', 'lagging'];

/** Asks for a pass, which also starts a run that is gone, and waits for how it ends. */
async function bringLive(place: Place, connectionId: string): Promise<string> {
  const sync = { method: 'POST', path: `/connections/${connectionId}/sync-now` };
  let status = '';
  await within(`The demo's connection ${connectionId} does not come live`, async () => {
    // A worker or API that is still coming up answers an error, and is asked again.
    const asked = await call(place, sync);
    status = (await statusOf(place, connectionId)).status;
    return SETTLED.includes(status) && (asked.ok || asked.status === 409);
  });
  return status;
}

async function statusOf(place: Place, connectionId: string): Promise<{ status: string }> {
  const response = await call(place, { path: `/connections/${connectionId}` });
  return (await response.json()) as { status: string };
}

function call({ apiUrl }: Place, { method, path }: { method?: string; path: string }) {
  return fetch(`${apiUrl}/v1${path}`, {
    method: method ?? 'GET',
    headers: {
      authorization: `Bearer ${DEMO.apiKey}`,
      ...(method === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(method === undefined ? {} : { body: '{}' }),
  });
}

async function within(otherwise: string, holds: () => Promise<boolean>) {
  const deadline = performance.now() + WITHIN_MS;
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`${otherwise} within ${WITHIN_MS / 1000} s. See .holdfast/logs/worker.log.`);
    await sleep(100);
  }
}

function demoOf({ apiUrl, emulatorsUrl, googleIsEmulated }: Place): Demo {
  const { tenantId, apiKey, villa, studio } = DEMO;
  const shown = googleIsEmulated ? villa : studio;
  const [from, next, later, end, to] = [60, 61, 62, 64, 67].map(dateIn) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const key = `-H 'Authorization: Bearer ${apiKey}'`;
  const json = `-H 'Content-Type: application/json'`;
  const stay = `"startAt": "${from}T14:00:00Z", "endAt": "${next}T09:00:00Z"`;
  const payment = googleIsEmulated ? '"method", "paymentMethod": "pm_card_visa"' : '"none"';
  const body = `{ "resourceId": "${shown.resourceId}", ${stay}, "payment": { "kind": ${payment} } }`;
  const edit = `{ "start": { "date": "${later}" }, "end": { "date": "${end}" } }`;
  const feedEdit = `{ "start": "${later}", "end": "${end}" }`;
  const control = `${emulatorsUrl}/control`;
  return {
    apiKey,
    connectionWorkflowId: connectionWorkflowId({ tenantId, connectionId: shown.connectionId }),
    commands: [
      `curl -s ${key} '${apiUrl}/v1/resources/${shown.resourceId}/availability?from=${from}T00:00:00Z&to=${to}T00:00:00Z'`,
      googleIsEmulated
        ? `curl -s ${json} ${control}${VILLA_EVENTS_PATH} -d '${edit}'`
        : `curl -s ${json} ${control}/feeds/${studio.feed}/events -d '${feedEdit}'`,
      `curl -s ${key} ${json} -H 'Idempotency-Key: ${from}' -H 'Prefer: wait=10' ${apiUrl}/v1/bookings -d '${body}'`,
    ],
  };
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
