/**
 * A booking front end's server side: plain `fetch`. It lists stays with their price, holds the one
 * that the guest chose, and gives the page what Stripe.js needs and the token of this one booking.
 * `examples/shop` is the page itself, with the same calls.
 *
 *   node scripts/run.js examples/front-end.ts cabin 2
 */
const api = `${process.env['API_URL'] ?? 'http://127.0.0.1:8400'}/v1`;
const authorization = `Bearer ${process.env['API_KEY'] ?? 'hf_demo_loopback-only'}`;
const DAY_MS = 86_400_000;

interface Money {
  amountMinor: number;
  currency: string;
}
interface Stay {
  arrivalDay: string;
  departureDay: string;
}
interface Offer {
  asOf: string;
  stays: Stay[];
  price: Money;
}
interface Booked {
  id: string;
  state: string;
  holdExpiresAt: string;
  payment: { clientSecret: string | null; publishableKey: string | null };
}
interface Problem {
  type: string;
  detail: string;
  nearest?: { startAt: string; endAt: string }[];
}

async function offer(resourceId: string, nights: string): Promise<Offer> {
  const from = new Date(Date.now() + 20 * DAY_MS).toISOString();
  const to = new Date(Date.now() + 80 * DAY_MS).toISOString();
  const query = new URLSearchParams({ from, to, as: 'stays', nights });
  const url = `${api}/resources/${encodeURIComponent(resourceId)}/availability?${query.toString()}`;
  const response = await fetch(url, { headers: { authorization } });
  if (!response.ok) throw new Error(((await response.json()) as Problem).detail);
  return (await response.json()) as Offer;
}

/** One key for one press of the button: a double click and a retry book once. */
async function hold(wanted: { resourceId: string; price: Money } & Stay, key: string) {
  const { price, ...stay } = wanted;
  return post('/bookings', key, {
    ...stay,
    payment: { kind: 'browser' },
    // Another price than the guest saw is refused, never charged.
    expectedAmount: { amountMinor: price.amountMinor, currency: price.currency },
    guest: { name: 'Ada Rossi' },
  });
}

const post = (path: string, key: string, body: unknown): Promise<Response> =>
  fetch(`${api}${path}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  });

const [resourceId = 'cabin', nights = '2'] = process.argv.slice(2);
const { stays, price, asOf } = await offer(resourceId, nights);
console.log(`${stays.length} stays as of ${asOf}; the guest takes the first`);
const [first] = stays;
if (first === undefined) throw new Error('Nothing is free: show another month.');

const { arrivalDay, departureDay } = first;
const wanted = { resourceId, arrivalDay, departureDay, price };
const key = crypto.randomUUID();
const twice = await Promise.all([hold(wanted, key), hold(wanted, key)]);
const [held, same] = (await Promise.all(twice.map((one) => one.json()))) as [Booked, Booked];
console.log(`held ${held.id}: ${held.state}; the second click found ${same.id}`);

const issued = await post(`/bookings/${held.id}/customer-token`, crypto.randomUUID(), {});
const { customerToken } = (await issued.json()) as { customerToken: string };
console.log(`for Stripe.js: ${held.payment.publishableKey} ${held.payment.clientSecret}`);
console.log(`for the guest, until ${held.holdExpiresAt}: ${customerToken}`);

const late = await hold(wanted, crypto.randomUUID());
const problem = (await late.json()) as Problem;
console.log(`the next guest: ${late.status} ${problem.type}; free instead:`, problem.nearest);
