import { announce, nowSeconds } from './emulator.ts';
import { endpoint } from './endpoint.ts';
import { noSuch } from './errors.ts';
import { PAGE } from './intent-params.ts';
import { page, within } from './lists.ts';
import { attach, findMethod, makeMethod, METHOD_DATA } from './methods.ts';
import { newCustomer } from './objects.ts';
import { ownRow } from './state.ts';

const CREATE = endpoint('post /v1/customers', {
  fields: {
    address: 'refused',
    description: 'string',
    email: 'string',
    metadata: 'metadata',
    name: 'string',
    payment_method: 'string',
    phone: 'string',
    shipping: 'refused',
    source: 'refused',
    tax_exempt: 'refused',
    test_clock: 'refused',
  },
  run(emulator, call, params) {
    const { metadata = {}, payment_method: id } = params;
    const object = {
      ...newCustomer(nowSeconds()),
      description: params.description || null,
      email: params.email || null,
      metadata,
      name: params.name || null,
      phone: params.phone || null,
    };
    const { account } = call;
    const method = id ? findMethod(emulator, { account, id, param: 'payment_method' }) : undefined;
    emulator.state.customers.set(object.id, { account, object });
    if (method !== undefined) attach(emulator, method, object.id);
    announce(emulator, call, { type: 'customer.created', object });
    return object;
  },
});

const RETRIEVE = endpoint('get /v1/customers/:id', {
  fields: {},
  run(emulator, call) {
    const row = ownRow(emulator.state.customers, call.account, call.id);
    if (row === undefined) throw noSuch('customer', call.id);
    return row.object;
  },
});

const CREATE_METHOD = endpoint('post /v1/payment_methods', {
  fields: { ...METHOD_DATA, key: 'string' },
  required: ['type'],
  publishable: true,
  run: (emulator, call, params) => makeMethod(emulator, call.account, params).object,
});

const RETRIEVE_METHOD = endpoint('get /v1/payment_methods/:id', {
  fields: {},
  expandable: ['customer'],
  run(emulator, call) {
    const row = ownRow(emulator.state.methods, call.account, call.id);
    if (row === undefined) throw noSuch('PaymentMethod', call.id);
    return row.object;
  },
});

const ATTACH_METHOD = endpoint('post /v1/payment_methods/:id/attach', {
  fields: { customer: 'string' },
  required: ['customer'],
  expandable: ['customer'],
  run(emulator, { account, id }, { customer = '' }) {
    if (ownRow(emulator.state.customers, account, customer) === undefined) {
      throw noSuch('customer', customer, 'customer');
    }
    return attach(emulator, findMethod(emulator, { account, id, param: 'id' }), customer).object;
  },
});

const LIST_METHODS = endpoint('get /v1/payment_methods', {
  fields: { ...PAGE, customer: 'string', type: 'string' },
  expandable: ['data.customer'],
  run(emulator, call, params) {
    const objects = [...emulator.state.methods.values()]
      .filter((row) => row.account === call.account)
      .map((row) => row.object)
      .filter(({ customer }) => customer !== null && customer === params.customer)
      .filter(({ type }) => params.type === undefined || type === params.type);
    return page('/v1/payment_methods', objects, params);
  },
});

const RETRIEVE_CHARGE = endpoint('get /v1/charges/:id', {
  fields: {},
  expandable: ['customer', 'payment_intent', 'payment_method'],
  run(emulator, call) {
    const row = ownRow(emulator.state.charges, call.account, call.id);
    if (row === undefined) throw noSuch('charge', call.id);
    return row.object;
  },
});

const LIST_CHARGES = endpoint('get /v1/charges', {
  fields: { ...PAGE, customer: 'string', payment_intent: 'string', created: { range: true } },
  expandable: ['data.customer', 'data.payment_intent'],
  run(emulator, call, params) {
    const { customer, payment_intent: intent, created } = params;
    const objects = [...emulator.state.charges.values()]
      .filter((row) => row.account === call.account)
      .map((row) => row.object)
      .filter((charge) => within(charge.created, created))
      .filter((charge) => customer === undefined || charge.customer === customer)
      .filter((charge) => intent === undefined || charge.payment_intent === intent);
    return page('/v1/charges', objects, params);
  },
});

export const customerEndpoints = [
  CREATE,
  RETRIEVE,
  CREATE_METHOD,
  LIST_METHODS,
  RETRIEVE_METHOD,
  ATTACH_METHOD,
  LIST_CHARGES,
  RETRIEVE_CHARGE,
];
