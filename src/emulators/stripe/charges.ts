import { endpoint } from './endpoint.ts';
import { noSuch } from './errors.ts';
import { PAGE } from './intent-params.ts';
import { page, within } from './lists.ts';
import { ownRow } from './state.ts';

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

const RETRIEVE_DISPUTE = endpoint('get /v1/disputes/:id', {
  fields: {},
  expandable: ['charge', 'payment_intent'],
  run(emulator, call) {
    const row = ownRow(emulator.state.disputes, call.account, call.id);
    if (row === undefined) throw noSuch('dispute', call.id);
    return row.object;
  },
});

const LIST_DISPUTES = endpoint('get /v1/disputes', {
  fields: { ...PAGE, charge: 'string', payment_intent: 'string', created: { range: true } },
  expandable: ['data.charge', 'data.payment_intent'],
  run(emulator, call, params) {
    const { charge, payment_intent: intent, created } = params;
    const objects = [...emulator.state.disputes.values()]
      .filter((row) => row.account === call.account)
      .map((row) => row.object)
      .filter((dispute) => within(dispute.created, created))
      .filter((dispute) => charge === undefined || dispute.charge === charge)
      .filter((dispute) => intent === undefined || dispute.payment_intent === intent);
    return page('/v1/disputes', objects, params);
  },
});

export const chargeEndpoints = [LIST_CHARGES, RETRIEVE_CHARGE, LIST_DISPUTES, RETRIEVE_DISPUTE];
