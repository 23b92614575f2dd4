import { announce, nowSeconds } from './emulator.ts';
import { endpoint } from './endpoint.ts';
import type { Call } from './endpoint.ts';
import type { Emulator } from './emulator.ts';
import { noSuch } from './errors.ts';
import { PAGE } from './intent-params.ts';
import { page, within } from './lists.ts';
import { attach, detach, findMethod } from './methods.ts';
import { newCustomer } from './objects.ts';
import type { Customer } from './objects.ts';
import { ownRow } from './state.ts';

const FIELDS = {
  address: 'refused',
  description: 'string',
  email: 'string',
  metadata: 'metadata',
  name: 'string',
  phone: 'string',
  shipping: 'refused',
  source: 'refused',
  tax_exempt: 'refused',
} as const;

const CREATE = endpoint('post /v1/customers', {
  fields: { ...FIELDS, payment_method: 'string', test_clock: 'refused' },
  run(emulator, call, params) {
    const object = withTexts(
      { ...newCustomer(nowSeconds()), metadata: params.metadata ?? {} },
      params,
    );
    const { account } = call;
    const { payment_method: id } = params;
    const method = id ? findMethod(emulator, { account, id, param: 'payment_method' }) : undefined;
    emulator.state.customers.set(object.id, { account, object });
    if (method !== undefined) attach(emulator, method, object.id);
    announce(emulator, call, { type: 'customer.created', object });
    return object;
  },
});

const UPDATE = endpoint('post /v1/customers/:id', {
  fields: FIELDS,
  run(emulator, call, params) {
    const known = ownCustomer(emulator, call);
    const metadata = Object.fromEntries(
      Object.entries({ ...known.metadata, ...params.metadata }).filter(([, value]) => value !== ''),
    );
    const object = withTexts({ ...known, metadata }, params);
    emulator.state.customers.set(object.id, { account: call.account, object });
    announce(emulator, call, { type: 'customer.updated', object });
    return object;
  },
});

const RETRIEVE = endpoint('get /v1/customers/:id', { fields: {}, run: ownCustomer });

/** Its payment methods go with it (docs.stripe.com/api/customers/delete). */
const DELETE = endpoint('delete /v1/customers/:id', {
  fields: {},
  run(emulator, call) {
    const object = ownCustomer(emulator, call);
    for (const row of emulator.state.methods.values()) {
      if (row.object.customer === object.id) detach(emulator, row);
    }
    emulator.state.customers.delete(object.id);
    announce(emulator, call, { type: 'customer.deleted', object });
    return { id: object.id, object: 'customer', deleted: true };
  },
});

const LIST = endpoint('get /v1/customers', {
  fields: { ...PAGE, email: 'string', created: { range: true } },
  run(emulator, call, params) {
    const objects = [...emulator.state.customers.values()]
      .filter((row) => row.account === call.account)
      .map((row) => row.object)
      .filter((customer) => within(customer.created, params.created))
      .filter(({ email }) => params.email === undefined || email === params.email);
    return page('/v1/customers', objects, params);
  },
});

const LIST_METHODS = endpoint('get /v1/customers/:id/payment_methods', {
  fields: { ...PAGE, type: 'string' },
  expandable: ['data.customer'],
  run(emulator, call, params) {
    const { id } = ownCustomer(emulator, call);
    const objects = [...emulator.state.methods.values()]
      .map((row) => row.object)
      .filter(({ customer }) => customer === id)
      .filter(({ type }) => params.type === undefined || type === params.type);
    return page(`/v1/customers/${id}/payment_methods`, objects, params);
  },
});

export const customerEndpoints = [CREATE, LIST, RETRIEVE, UPDATE, DELETE, LIST_METHODS];

function ownCustomer({ state }: Emulator, { account, id }: Call): Customer {
  const row = ownRow(state.customers, account, id);
  if (row === undefined) throw noSuch('customer', id);
  return row.object;
}

type Texts = { description?: string; email?: string; name?: string; phone?: string };

/** What is given is set; an empty text unsets. */
function withTexts(customer: Customer, given: Texts): Customer {
  const object = { ...customer };
  for (const name of ['description', 'email', 'name', 'phone'] as const) {
    const text = given[name];
    if (text !== undefined) object[name] = text === '' ? null : text;
  }
  return object;
}
