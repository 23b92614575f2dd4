/** `npm run bench`: what Holdfast costs against the barest thing that could stand in its place. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { availability } from '../test/bench/availability.ts';
import type { Line } from '../test/bench/bench.ts';
import { caldav } from '../test/bench/caldav.ts';
import { events } from '../test/bench/events.ts';
import { expansion } from '../test/bench/expansion.ts';
import { feed } from '../test/bench/feed.ts';
import { flashSale } from '../test/bench/flash-sale.ts';
import { graphNotifications } from '../test/bench/graph-notifications.ts';
import { holdLatency } from '../test/bench/hold-latency.ts';
import { idle } from '../test/bench/idle.ts';
import { notifications } from '../test/bench/notifications.ts';
import { paidSaga } from '../test/bench/paid-saga.ts';
import { rivals } from '../test/bench/rivals.ts';
import { openStage } from '../test/bench/stage.ts';
import { store } from '../test/bench/store.ts';
import { tableOf } from '../test/bench/table.ts';
import { visible } from '../test/bench/visible.ts';

/** Notifications come last: their passes go on for a while after they were counted. */
const BENCHES = [
  paidSaga,
  events,
  holdLatency,
  visible,
  rivals,
  flashSale,
  store,
  availability,
  expansion,
  feed,
  caldav,
  notifications,
  graphNotifications,
  idle,
];

const { values } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string' } } });
const { json, only } = values;
const chosen = BENCHES.filter(
  ({ name }) => only === undefined || only === name || only.startsWith(`${name}-`),
);
if (chosen.length === 0) {
  console.error(`--only takes one of: ${BENCHES.map((one) => one.name).join(', ')}.`);
  process.exit(1);
}

console.error('Starting PostgreSQL, Temporal, emulators, worker and API (usually 15 s).');
const stage = await openStage();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stage.close().finally(() => process.exit(130)));
try {
  const lines: Line[] = [];
  for (const bench of chosen) {
    const startedAt = performance.now();
    lines.push(...(await bench.run(stage)));
    console.error(`${bench.name}: ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
  }
  const wanted = lines.filter(({ name }) => only === undefined || name.startsWith(only));
  console.log(tableOf(wanted));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(wanted, null, 2)}\n`);
} finally {
  await stage.close();
}
process.exit(0);
