import { endpoint } from './endpoint.ts';
import { noSuch } from './errors.ts';
import { PAGE } from './intent-params.ts';
import { page } from './lists.ts';
import { attach, detach, findMethod, makeMethod, METHOD_DATA } from './methods.ts';
import { ownRow } from './state.ts';

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

const DETACH_METHOD = endpoint('post /v1/payment_methods/:id/detach', {
  fields: {},
  run(emulator, { account, id }) {
    const row = ownRow(emulator.state.methods, account, id);
    if (row === undefined) throw noSuch('PaymentMethod', id);
    return detach(emulator, row).object;
  },
});

export const methodEndpoints = [
  CREATE_METHOD,
  LIST_METHODS,
  RETRIEVE_METHOD,
  ATTACH_METHOD,
  DETACH_METHOD,
];
