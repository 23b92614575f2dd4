/**
 * The card form in its frame. What is typed here goes to this emulator and nowhere else: the page
 * around it only hears whether the form is complete, and what became of the payment.
 */
(() => {
  const form = document.getElementById('card');
  const problem = document.getElementById('error');
  const page = window.parent;

  function read() {
    const { number, expiry, cvc } = Object.fromEntries(new FormData(form));
    const [, month = '', year = ''] =
      /^\s*(\d{1,2})\s*[/-]?\s*(\d{2}|\d{4})\s*$/.exec(expiry) ?? [];
    return { number: number.replace(/[ -]/g, ''), month, year, cvc: cvc.trim() };
  }

  function incompleteness({ number, month, cvc }) {
    if (!/^\d{12,19}$/.test(number))
      return ['incomplete_number', 'Your card number is incomplete.'];
    if (month === '') return ['incomplete_expiry', "Your card's expiration date is incomplete."];
    if (!/^\d{3,4}$/.test(cvc))
      return ['incomplete_cvc', "Your card's security code is incomplete."];
    return undefined;
  }

  function validated() {
    const card = read();
    const wrong = incompleteness(card);
    problem.textContent = wrong?.[1] ?? '';
    if (wrong === undefined) return { card };
    return { error: { type: 'validation_error', code: wrong[0], message: wrong[1] } };
  }

  async function send({ path, fields, headers }) {
    const { card, error } = validated();
    if (error !== undefined) return { error };
    const under = path === '/v1/payment_methods' ? '' : 'payment_method_data';
    const name = (...keys) => {
      const [first, ...rest] = under === '' ? keys : [under, ...keys];
      return first + rest.map((key) => `[${key}]`).join('');
    };
    const body = new URLSearchParams(fields);
    body.set(name('type'), 'card');
    body.set(name('card', 'number'), card.number);
    body.set(name('card', 'exp_month'), card.month);
    body.set(name('card', 'exp_year'), card.year.length === 2 ? `20${card.year}` : card.year);
    body.set(name('card', 'cvc'), card.cvc);
    try {
      const answer = await fetch(path, { method: 'POST', body, headers });
      const told = await answer.json();
      if (told.error) problem.textContent = told.error.message;
      return answer.ok ? { object: told } : { error: told.error };
    } catch {
      const message = 'The payment service could not be reached. Try again.';
      return { error: { type: 'api_connection_error', message } };
    }
  }

  const tell = (told) => page.postMessage({ stripeElement: told }, '*');

  window.addEventListener('message', (message) => {
    if (message.source !== page) return;
    const { id, ask, ...details } = message.data.stripeElement ?? {};
    if (ask === 'validate') tell({ id, answer: { error: validated().error } });
    if (ask === 'send') void send(details).then((answer) => tell({ id, answer }));
  });
  form.addEventListener('input', () => {
    problem.textContent = '';
    const { number, month, cvc } = read();
    const isEmpty = number === '' && month === '' && cvc === '';
    tell({ change: { complete: incompleteness(read()) === undefined, empty: isEmpty } });
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  tell({ ready: true });
})();
