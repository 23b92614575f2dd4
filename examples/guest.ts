/**
 * What a guest does with the link that they got: read, move and cancel their one booking, each after
 * a quote. Only the booking's own token is needed, no key; `front-end.ts` prints one, and it stands
 * behind the `#` of the booking page's address.
 *
 *   node scripts/run.js examples/guest.ts TOKEN
 *   node scripts/run.js examples/guest.ts TOKEN move 2027-03-01 2027-03-03
 *   node scripts/run.js examples/guest.ts TOKEN cancel
 */
const api = `${process.env['API_URL'] ?? 'http://127.0.0.1:8400'}/v1/customer/booking`;

interface OwnBooking {
  state: string;
  startAt: string;
  endAt: string;
  payment: { clientSecret: string | null };
}
interface Quote {
  id: string;
  currency: string;
  validUntil: string;
}
type MoveQuote = Quote & { chargeMinor: number; refundMinor: number };
type CancelQuote = Quote & { keepMinor: number; refundMinor: number };

const [token, verb, arrivalDay, departureDay] = process.argv.slice(2);
if (!token) throw new Error('Say whose booking: the token that front-end.ts prints.');

async function ask<T>(method: 'GET' | 'POST', path = '', body?: unknown): Promise<T> {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && {
        'content-type': 'application/json',
        'idempotency-key': crypto.randomUUID(),
      }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const told = (await response.json()) as T & { title?: string; detail?: string };
  if (!response.ok) throw new Error(`${told.title}. ${told.detail}`);
  return told;
}

if (verb === 'move') await move();
if (verb === 'cancel') await cancel();
const { state, startAt, endAt, payment } = await ask<OwnBooking>('GET');
console.log(`${state}, from ${startAt} to ${endAt}`);
if (payment.clientSecret) console.log(`to be paid in the browser: ${payment.clientSecret}`);

/** The old time is theirs until the new one is: nothing is lost when this ends half way. */
async function move(): Promise<void> {
  const quote = await ask<MoveQuote>('POST', '/reschedule-quotes', { arrivalDay, departureDay });
  const { id, chargeMinor, refundMinor } = quote;
  console.log(`to pay ${chargeMinor}, back ${refundMinor}, as said until ${quote.validUntil}`);
  // Where it costs more the answer waits for the payer, as at the first booking.
  const payment = chargeMinor > 0 ? { payment: { kind: 'browser' } } : {};
  await ask('POST', '/reschedule', { quoteId: id, reason: 'guest-request', ...payment });
}

/** Exactly what was quoted is given back, also when a dearer tier has begun meanwhile. */
async function cancel(): Promise<void> {
  const quote = await ask<CancelQuote>('POST', '/cancellation-quotes', {});
  const { id, keepMinor, refundMinor } = quote;
  console.log(`kept ${keepMinor}, back ${refundMinor}, as said until ${quote.validUntil}`);
  await ask('POST', '/cancel', { quoteId: id, reason: 'guest-request' });
}
