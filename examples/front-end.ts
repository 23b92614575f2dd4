/**
 * A booking front end: plain `fetch`, as in a browser's server side. It shows start times, sends the
 * price the guest saw, and turns a refusal into what to offer instead.
 *
 *   node scripts/run.js examples/front-end.ts studio
 */
const api = `${process.env['API_URL'] ?? 'http://127.0.0.1:8400'}/v1`;
const authorization = `Bearer ${process.env['API_KEY'] ?? 'hf_demo_loopback-only'}`;
const DAY_MS = 86_400_000;
const VISIT_MS = 3_600_000;

interface Starts {
  asOf: string;
  starts: string[];
}
interface Booked {
  id: string;
  state: string;
  holdExpiresAt: string;
}
interface Problem {
  type: string;
  detail: string;
  nearest?: { startAt: string; endAt: string }[];
}

async function offer(resourceId: string): Promise<Starts> {
  const from = new Date(Date.now() + 20 * DAY_MS).toISOString();
  const to = new Date(Date.now() + 50 * DAY_MS).toISOString();
  const query = new URLSearchParams({ from, to, as: 'starts', durationMinutes: '60' });
  query.set('stepMinutes', '60');
  const url = `${api}/resources/${encodeURIComponent(resourceId)}/availability?${query.toString()}`;
  const response = await fetch(url, { headers: { authorization } });
  if (!response.ok) throw new Error(((await response.json()) as Problem).detail);
  return (await response.json()) as Starts;
}

/** One key for one press of the button: a double click and a retry book once. */
async function book(resourceId: string, startAt: string, key: string): Promise<Response> {
  return fetch(`${api}/bookings`, {
    method: 'POST',
    headers: {
      authorization,
      'content-type': 'application/json',
      'idempotency-key': key,
      prefer: 'wait=10',
    },
    body: JSON.stringify({
      resourceId,
      startAt,
      endAt: new Date(Date.parse(startAt) + VISIT_MS).toISOString(),
      payment: { kind: 'none' },
      expectedAmount: { amountMinor: 0, currency: 'eur' },
      guest: { name: 'Ada Rossi' },
    }),
  });
}

const [resourceId = 'studio'] = process.argv.slice(2);
const { starts, asOf } = await offer(resourceId);
console.log(`${starts.length} start times as of ${asOf}; the guest takes the first`);
const [first] = starts;
if (first === undefined) throw new Error('Nothing is free: show another month.');

const key = crypto.randomUUID();
const twice = await Promise.all([book(resourceId, first, key), book(resourceId, first, key)]);
const [booked, same] = (await Promise.all(twice.map((one) => one.json()))) as [Booked, Booked];
console.log(`booked ${booked.id}: ${booked.state}; the second click found ${same.id}`);

const late = await book(resourceId, first, crypto.randomUUID());
const problem = (await late.json()) as Problem;
console.log(`the next guest: ${late.status} ${problem.type}; free instead:`, problem.nearest);
