/**
 * The page behind a payment link. Card data goes from the payment service's own frame to it alone;
 * what the link opens stands behind the `#`, which no server is sent.
 */
const [tenantId, bookingId, payment, token] = location.hash.slice(1).split('/');
const at = (id) => document.getElementById(id);
const say = (title, text) => {
  at('title').textContent = title;
  at('text').textContent = text;
};

const TOLD = {
  paid: ['Paid', 'Thank you. You can close this page.'],
  over: ['Nothing to pay', 'This payment is not open any more. Ask whoever sent you the link.'],
  unknown: ['Nothing to pay', 'This link is not complete, or leads to no payment.'],
  unavailable: ['Not now', 'The payment service cannot be reached. Load this page again later.'],
};
const end = (kind) => {
  at('form').hidden = true;
  say(...TOLD[kind]);
};

async function read() {
  const path = [tenantId, bookingId, payment].map((part) => encodeURIComponent(part ?? ''));
  const answer = await fetch(`/v1/payment-links/${path.join('/')}`, {
    headers: { 'payment-token': token ?? '' },
  });
  if (answer.ok) return answer.json();
  return { state: answer.status === 404 || answer.status === 400 ? 'unknown' : 'unavailable' };
}

const amountOf = ({ amountMinor, currency }) => {
  const format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
  return format.format(amountMinor / 10 ** format.resolvedOptions().maximumFractionDigits);
};

async function start() {
  const due = await read();
  if (due.state !== 'open') return end(due.state);
  if (!due.publishableKey || typeof Stripe !== 'function') return end('unavailable');
  const until = due.payUntilAt ? ` until ${new Date(due.payUntilAt).toLocaleString()}` : '';
  say(`Pay ${amountOf(due)}`, `Your bank wants you to confirm this payment${until}.`);
  const account = due.connectedAccount ? { stripeAccount: due.connectedAccount } : {};
  const stripe = Stripe(due.publishableKey, account);
  const elements = stripe.elements({ clientSecret: due.clientSecret });
  elements.create('payment').mount('#element');
  at('form').hidden = false;
  at('form').addEventListener('submit', (event) => {
    event.preventDefault();
    pay(stripe, elements).catch(() => end('unavailable'));
  });
}

async function pay(stripe, elements) {
  at('button').disabled = true;
  const { error } = await stripe.confirmPayment({
    elements,
    confirmParams: { return_url: location.href },
    redirect: 'if_required',
  });
  at('button').disabled = false;
  if (error) at('text').textContent = error.message ?? 'It was not accepted. Try another card.';
  else end('paid');
}

start().catch(() => end('unavailable'));
