/**
 * The guest's page. It never sees an API key: its backend holds the stay, and from then on the token
 * behind the `#` opens this one booking, which makes the address a link that the guest can keep.
 * Card data goes from the payment service's own frame to it alone.
 */
import { nightsBetween, stayPicker } from './stay-picker.js';

const at = (id) => document.getElementById(id);
const say = (text) => (at('status').textContent = text);
const show = (...ids) => {
  for (const one of ['stay', 'payment', 'booking', 'quote', 'again'])
    at(one).hidden = !ids.includes(one);
};
const POLL_MS = 400;
const PATIENCE_MS = 30_000;

const token = () => location.hash.slice(1);
let timeZone = 'UTC';

/** A refusal's words are made for people: they are shown as they are. */
async function ask(method, path, { body, key = crypto.randomUUID() } = {}) {
  const answer = await fetch(path, {
    method,
    headers: {
      ...(token() && { authorization: `Bearer ${token()}` }),
      ...(body && { 'content-type': 'application/json', 'idempotency-key': key }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(`${told.title}. ${told.detail}`), told);
  return told;
}
const own = (method, path, body) => ask(method, `/customer/booking${path}`, { body });

const amountOf = (amountMinor, currency) => {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency: currency ?? 'eur' });
  return format.format(amountMinor / 10 ** format.resolvedOptions().maximumFractionDigits);
};
const localDay = (instant) => new Date(instant).toLocaleDateString('en-CA', { timeZone });
const spoken = (instant) =>
  new Date(instant).toLocaleString('en', { dateStyle: 'full', timeStyle: 'short', timeZone });

let isBusy = false;

/** One thing at a time; what goes wrong is said where the page says how it stands. */
function on(id, event, act) {
  at(id).addEventListener(event, (told) => {
    told.preventDefault();
    if (!isBusy) void alone(act);
  });
}

async function alone(act) {
  isBusy = true;
  document.body.ariaBusy = 'true';
  try {
    await act();
  } catch (error) {
    say(error.message);
  }
  isBusy = false;
  document.body.ariaBusy = 'false';
}

let chosen = null;

/** Shows what is free; while a stay is moved, its own nights count as free too. */
async function offer(moved = null) {
  const shown = await ask('GET', '/nights');
  timeZone = shown.timeZone;
  const [from, to] = moved ? [localDay(moved.startAt), localDay(moved.endAt)] : ['', ''];
  const nights = shown.nights.map((one) =>
    one.day >= from && one.day < to ? { ...one, free: true, arrival: true } : one,
  );
  const { eachMinor, currency } = shown.price;
  chosen = null;
  at('hold').disabled = true;
  at('hold').textContent = moved ? 'What does it cost?' : 'Book and pay';
  at('name-line').hidden = moved !== null;
  at('total').textContent = 'Choose arrival and departure.';
  stayPicker(at('picker'), nights, (arrivalDay, departureDay) => {
    at('hold').disabled = departureDay === null;
    chosen = null;
    if (departureDay === null) return (at('total').textContent = 'And the departure?');
    const amountMinor = eachMinor * nightsBetween(arrivalDay, departureDay);
    // One key for one choice: a second press of the button finds the same booking.
    const key = crypto.randomUUID();
    chosen = { arrivalDay, departureDay, key, expectedAmount: { amountMinor, currency } };
    at('total').textContent = amountOf(amountMinor, currency);
  });
}

on('book', 'submit', async () => {
  const { key, ...stay } = chosen;
  if (token()) return quoteMove(stay);
  const name = at('name').value.trim();
  const made = await ask('POST', '/bookings', { body: { ...stay, ...(name && { name }) }, key });
  history.replaceState(null, '', `#${made.customerToken}`);
  await standing();
});

/** Shows the booking as it is, whatever happened since: the address alone says which. */
async function standing() {
  if (!token()) {
    show('stay');
    await offer();
    return say('Choose your nights.');
  }
  const booking = await own('GET', '');
  const { state, payment, startAt, endAt, amountMinor, currency } = booking;
  at('arrival').textContent = spoken(startAt);
  at('departure').textContent = spoken(endAt);
  at('price').textContent = amountOf(amountMinor, currency);
  const isOver = ['cancelled', 'expired', 'declined'].includes(state);
  at('actions').hidden = state !== 'confirmed' || payment.clientSecret !== null;
  say(payment.clientSecret && state === 'confirmed' ? SAID.moving : SAID[state]);
  if (!payment.clientSecret) return show('booking', ...(isOver ? ['again'] : []));
  show('booking', 'payment');
  mountCard(booking);
}

const SAID = {
  held: 'Your nights are held.',
  paying: 'Your nights are held while you pay.',
  confirmed: 'Your stay is booked.',
  moving:
    'Your new nights are held while you pay the difference. Until then your stay is as it was.',
  cancelled: 'Your stay is cancelled.',
  expired: 'The time to pay is over, and the nights are free again.',
  declined: 'The payment was declined. Nothing was charged.',
};

let card = null;

function mountCard({ state, payment, amountMinor, currency }) {
  const { clientSecret, publishableKey, connectedAccount } = payment;
  if (typeof Stripe !== 'function') throw new Error('The payment service cannot be reached.');
  const stripe = Stripe(
    publishableKey,
    connectedAccount ? { stripeAccount: connectedAccount } : {},
  );
  const elements = stripe.elements({ clientSecret });
  at('card').replaceChildren();
  elements.create('payment').mount('#card');
  at('refused').textContent = '';
  const isFirst = state !== 'confirmed';
  at('due').textContent = isFirst ? `Pay ${amountOf(amountMinor, currency)}` : 'Pay the difference';
  at('give-up').hidden = !isFirst;
  card = { stripe, elements };
}

on('pay', 'submit', async () => {
  at('refused').textContent = '';
  const { error } = await card.stripe.confirmPayment({
    elements: card.elements,
    confirmParams: { return_url: location.href },
    redirect: 'if_required',
  });
  // The nights stay held: another card may be tried.
  if (error) return (at('refused').textContent = error.message ?? 'Try another card.');
  say('Paid. One moment…');
  show('booking');
  await settled();
});

/** Where the booking is moved to once the difference is paid. */
let movesTo = null;

/** The payment service tells Holdfast; this page only waits until it knows. */
async function settled() {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const { state, payment, startAt, endAt } = await own('GET', '');
    const isThere = !movesTo || (movesTo.startAt === startAt && movesTo.endAt === endAt);
    const waits = ['held', 'paying'].includes(state) || payment.clientSecret !== null || !isThere;
    if (!waits || Date.now() > deadline) return standing();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

on('give-up', 'click', async () => {
  await own('POST', '/cancel', { reason: 'guest-request' });
  await standing();
});

let accept = null;

/** What it costs is shown first, and exactly that is done when the guest says yes. */
function quoted(text, act) {
  at('quoted').textContent = text;
  accept = act;
  show('booking', 'quote');
  at('actions').hidden = true;
}

on('accept', 'click', () => accept());
on('keep', 'click', standing);

on('ask-cancel', 'click', async () => {
  const { id, keepMinor, refundMinor, currency } = await own('POST', '/cancellation-quotes', {});
  const fee = keepMinor ? `${amountOf(keepMinor, currency)} is kept, ` : '';
  quoted(`Cancel it? ${fee}${amountOf(refundMinor, currency)} comes back to you.`, async () => {
    await own('POST', '/cancel', { quoteId: id, reason: 'guest-request' });
    await standing();
  });
});

on('ask-move', 'click', async () => {
  const booking = await own('GET', '');
  await offer(booking);
  show('booking', 'stay');
  at('actions').hidden = true;
  say('Choose your new nights. Those that you have stay yours until then.');
});

async function quoteMove({ arrivalDay, departureDay }) {
  const quote = await own('POST', '/reschedule-quotes', { arrivalDay, departureDay });
  const { id, chargeMinor, refundMinor, currency } = quote;
  const money =
    (chargeMinor && `${amountOf(chargeMinor, currency)} is to be paid.`) ||
    (refundMinor && `${amountOf(refundMinor, currency)} comes back to you.`) ||
    'It costs the same.';
  quoted(`From ${spoken(quote.startAt)} to ${spoken(quote.endAt)}? ${money}`, async () => {
    movesTo = quote;
    await own('POST', '/reschedule', {
      quoteId: id,
      reason: 'guest-request',
      ...(chargeMinor && { payment: { kind: 'browser' } }),
    });
    await standing();
  });
}

async function start() {
  ({ timeZone } = await ask('GET', '/nights'));
  await standing();
}

addEventListener('hashchange', () => void alone(start));
void alone(start);
