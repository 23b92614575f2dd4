/**
 * Stands in for Stripe.js (docs.stripe.com/js): a `payment` (or `card`) element whose inputs live in
 * a frame of the emulator, confirmation, and the bank's page over the payer's page. Results are
 * `{ paymentIntent }` or `{ error }`; only wrong use throws.
 */
(() => {
  const ownOrigin = new URL(document.currentScript.src).origin;

  function integrationError(message) {
    const error = new Error(message);
    error.name = 'IntegrationError';
    return error;
  }

  function intentIdOf(clientSecret) {
    const id = /^(pi_\w+?)_secret_\w+$/.exec(String(clientSecret))?.[1];
    if (id !== undefined) return id;
    throw integrationError('Give the client secret of a PaymentIntent: pi_…_secret_….');
  }

  /** Calls of one page to one account, with the publishable key. */
  function openApi(key, { apiHost = ownOrigin, apiVersion, stripeAccount }) {
    const headers = {
      ...(apiVersion === undefined ? {} : { 'Stripe-Version': apiVersion }),
      ...(stripeAccount === undefined ? {} : { 'Stripe-Account': stripeAccount }),
    };
    async function call(method, path, fields) {
      const sent = new URLSearchParams({ key, ...fields });
      const isGet = method === 'GET';
      try {
        const answer = await fetch(`${apiHost}${path}${isGet ? `?${sent}` : ''}`, {
          method,
          headers,
          ...(isGet ? {} : { body: sent }),
        });
        const told = await answer.json();
        return answer.ok ? { object: told } : { error: told.error };
      } catch {
        const message = 'The payment service could not be reached. Try again.';
        return { error: { type: 'api_connection_error', message } };
      }
    }
    return {
      apiHost,
      headers,
      key,
      call,
      read: (clientSecret) =>
        call('GET', `/v1/payment_intents/${intentIdOf(clientSecret)}`, {
          client_secret: clientSecret,
        }),
    };
  }

  const resultOf = ({ object, error }) => (error ? { error } : { paymentIntent: object });

  /** `{ a: { b: 1 } }` as the fields `a[b]=1` that the API takes. */
  function flat(value, name = '') {
    if (value === undefined || value === null) return {};
    if (typeof value !== 'object') return { [name]: String(value) };
    const entries = Object.entries(value);
    const named = entries.map(([key, item]) => flat(item, name === '' ? key : `${name}[${key}]`));
    return Object.assign({}, ...named);
  }

  function createElement(type, api) {
    const listeners = new Map();
    const waiting = new Map();
    let frame;
    let sent = 0;
    const emit = (name, event) => {
      for (const listener of listeners.get(name) ?? []) listener({ elementType: type, ...event });
    };
    function hear(message) {
      if (message.source !== frame?.contentWindow || message.origin !== api.apiHost) return;
      const { ready, change, id, answer } = message.data.stripeElement ?? {};
      if (ready) emit('ready', {});
      if (change) emit('change', { ...change, collapsed: false, value: { type: 'card' } });
      waiting.get(id)?.(answer);
      waiting.delete(id);
    }
    const element = {
      mount(place) {
        const parent = typeof place === 'string' ? document.querySelector(place) : place;
        if (!parent) throw integrationError(`There is nothing at ${place} to mount into.`);
        frame = document.createElement('iframe');
        frame.src = `${api.apiHost}/v3/payment-element.html`;
        frame.title = 'Secure payment input frame';
        frame.style.cssText = 'border:0;width:100%;height:190px';
        window.addEventListener('message', hear);
        parent.replaceChildren(frame);
      },
      unmount() {
        window.removeEventListener('message', hear);
        frame?.remove();
        frame = undefined;
      },
      destroy: () => element.unmount(),
      on(name, listener) {
        listeners.set(name, [...(listeners.get(name) ?? []), listener]);
        return element;
      },
    };
    /** Asks the frame, which holds the card; nobody but it ever sees the number. */
    const ask = (question) =>
      new Promise((resolve, reject) => {
        if (frame === undefined) {
          reject(integrationError('Mount the element first: element.mount(…).'));
          return;
        }
        sent += 1;
        waiting.set(sent, resolve);
        frame.contentWindow.postMessage({ stripeElement: { id: sent, ...question } }, api.apiHost);
      });
    return { element, ask };
  }

  const askOf = new WeakMap();

  function createElements(api, options) {
    let payment;
    const elements = {
      clientSecret: options.clientSecret,
      create(type) {
        if (type !== 'payment' && type !== 'card') {
          throw integrationError(`This stand-in has elements payment and card, not ${type}.`);
        }
        payment = createElement(type, api);
        askOf.set(payment.element, payment.ask);
        return payment.element;
      },
      getElement: () => payment?.element ?? null,
      async submit() {
        if (payment === undefined) throw integrationError('Create and mount an element first.');
        const { error } = await payment.ask({ ask: 'validate' });
        return error === undefined ? { selectedPaymentMethod: 'card' } : { error };
      },
      update: (changes) => void Object.assign(options, changes),
    };
    return elements;
  }

  /** Shows the bank's page over this one until it is answered. */
  function showBank(url) {
    const shade = document.createElement('div');
    shade.style.cssText = 'position:fixed;inset:0;background:#0008;z-index:2147483647';
    const frame = document.createElement('iframe');
    frame.name = 'stripe-challenge-frame';
    frame.title = '3D Secure';
    frame.src = url;
    frame.style.cssText =
      'position:absolute;inset:10% 0 auto;margin:auto;width:min(420px,95%);height:320px;border:0;background:#fff';
    shade.append(frame);
    document.body.append(shade);
    return new Promise((resolve) => {
      window.addEventListener('message', function hear(message) {
        if (message.source !== frame.contentWindow) return;
        if (message.data.stripeAuthentication !== 'answered') return;
        window.removeEventListener('message', hear);
        shade.remove();
        resolve();
      });
    });
  }

  /** Carries out what the intent asks for next, and answers how the intent then is. */
  async function act(api, clientSecret, { object, error }) {
    if (error) return { error };
    const action = object.status === 'requires_action' ? object.next_action : null;
    if (action === null) return { object };
    if (action.type === 'redirect_to_url') {
      window.location.assign(action.redirect_to_url.url);
      return new Promise(() => undefined);
    }
    await showBank(action.use_stripe_sdk.stripe_js);
    const after = await api.read(clientSecret);
    const failure = after.object?.last_payment_error;
    const isBack = after.object?.status === 'requires_payment_method' && failure;
    return isBack ? { error: { ...failure, payment_intent: after.object } } : after;
  }

  function comeBack(returnUrl, paymentIntent) {
    const url = new URL(returnUrl);
    url.searchParams.set('payment_intent', paymentIntent.id);
    url.searchParams.set('payment_intent_client_secret', paymentIntent.client_secret);
    url.searchParams.set('redirect_status', 'succeeded');
    window.location.assign(url);
    return new Promise(() => undefined);
  }

  /** With a mounted element the frame sends; with a method that is named, this page does. */
  function sendConfirmation(api, clientSecret, { ask, fields }) {
    const path = `/v1/payment_intents/${intentIdOf(clientSecret)}/confirm`;
    const all = { client_secret: clientSecret, use_stripe_sdk: 'true', ...fields };
    if (ask === undefined) return api.call('POST', path, all);
    const { key, headers } = api;
    return ask({ ask: 'send', path, headers, fields: { key, ...all } });
  }

  async function confirmPayment(api, options) {
    const { elements, clientSecret = elements?.clientSecret, confirmParams = {} } = options;
    const { redirect = 'always' } = options;
    if (redirect === 'always' && confirmParams.return_url === undefined) {
      throw integrationError("Give confirmParams.return_url, or redirect: 'if_required'.");
    }
    const element = elements?.getElement() ?? undefined;
    if (element === undefined && confirmParams.payment_method === undefined) {
      throw integrationError('Give elements with a mounted element, or a payment_method.');
    }
    // Where the payer comes back to is this page's matter when nothing leaves it.
    const fallback = confirmParams.return_url ?? window.location.href;
    const sent = await sendConfirmation(api, clientSecret, {
      ask: element === undefined ? undefined : askOf.get(element),
      fields: flat({ ...confirmParams, return_url: fallback }),
    });
    const result = resultOf(await act(api, clientSecret, sent));
    if (result.error || redirect === 'if_required') return result;
    return comeBack(confirmParams.return_url, result.paymentIntent);
  }

  async function confirmCardPayment(api, clientSecret, { payment_method: method, ...rest } = {}) {
    const element = typeof method === 'object' ? method.card : undefined;
    const ask = askOf.get(element);
    const { card: _element, ...data } = typeof method === 'object' ? method : {};
    const named = typeof method === 'string' ? { payment_method: method } : {};
    const details = ask === undefined ? {} : { payment_method_data: data };
    const fields = flat({ return_url: window.location.href, ...rest, ...named, ...details });
    const sent = await sendConfirmation(api, clientSecret, { ask, fields });
    return resultOf(await act(api, clientSecret, sent));
  }

  window.Stripe = function Stripe(publishableKey, options = {}) {
    if (!/^pk_(test|live)_/.test(String(publishableKey))) {
      throw integrationError('Give Stripe() a publishable key (pk_…), never a secret one.');
    }
    const api = openApi(publishableKey, options);
    return {
      elements: (settings = {}) => createElements(api, { ...settings }),
      confirmPayment: (settings) => confirmPayment(api, settings),
      confirmCardPayment: (secret, settings) => confirmCardPayment(api, secret, settings),
      retrievePaymentIntent: async (secret) => resultOf(await api.read(secret)),
      async handleNextAction({ clientSecret }) {
        return resultOf(await act(api, clientSecret, await api.read(clientSecret)));
      },
    };
  };
})();
