import { nowSeconds } from './emulator.ts';
import { endpoint } from './endpoint.ts';
import type { Call } from './endpoint.ts';
import type { Emulator } from './emulator.ts';
import { invalidParam, noSuch } from './errors.ts';
import { newId, randomText } from './ids.ts';
import { PAGE } from './intent-params.ts';
import { page, within } from './lists.ts';
import { ownRow } from './state.ts';
import type { Endpoint } from './state.ts';

const FIELDS = {
  description: 'string',
  enabled_events: 'strings',
  metadata: 'metadata',
  url: 'string',
} as const;

const CREATE = endpoint('post /v1/webhook_endpoints', {
  fields: { ...FIELDS, api_version: 'string', connect: 'boolean' },
  required: ['url', 'enabled_events'],
  run(emulator, call, params) {
    const row = newEndpoint({
      account: call.account,
      url: checkedUrl(params.url ?? ''),
      connect: params.connect === true,
    });
    const object = {
      ...row.object,
      api_version: params.api_version || null,
      description: params.description || null,
      enabled_events: params.enabled_events ?? ['*'],
      metadata: params.metadata ?? {},
    };
    emulator.state.endpoints.set(object.id, { ...row, object });
    // Only this answer ever shows the secret.
    return { ...object, secret: row.secret };
  },
});

const RETRIEVE = endpoint('get /v1/webhook_endpoints/:id', {
  fields: {},
  run: (emulator, call) => ownEndpoint(emulator, call).object,
});

const UPDATE = endpoint('post /v1/webhook_endpoints/:id', {
  fields: { ...FIELDS, disabled: 'boolean' },
  run(emulator, call, params) {
    const row = ownEndpoint(emulator, call);
    const { url, enabled_events: events, disabled, description, metadata } = params;
    const object: Endpoint['object'] = {
      ...row.object,
      ...(url === undefined ? {} : { url: checkedUrl(url) }),
      ...(events === undefined ? {} : { enabled_events: events }),
      ...(disabled === undefined ? {} : { status: disabled ? 'disabled' : 'enabled' }),
      ...(description === undefined ? {} : { description: description || null }),
      metadata: { ...row.object.metadata, ...metadata },
    };
    emulator.state.endpoints.set(object.id, { ...row, object });
    return object;
  },
});

const DELETE = endpoint('delete /v1/webhook_endpoints/:id', {
  fields: {},
  run(emulator, call) {
    const { id } = ownEndpoint(emulator, call).object;
    emulator.state.endpoints.delete(id);
    return { id, object: 'webhook_endpoint', deleted: true };
  },
});

const LIST = endpoint('get /v1/webhook_endpoints', {
  fields: PAGE,
  run(emulator, call, params) {
    const rows = [...emulator.state.endpoints.values()].filter((r) => r.account === call.account);
    const objects = rows.map((row) => row.object);
    return page('/v1/webhook_endpoints', objects, params);
  },
});

const RETRIEVE_EVENT = endpoint('get /v1/events/:id', {
  fields: {},
  run(emulator, call) {
    const row = ownRow(emulator.state.events, call.account, call.id);
    if (row === undefined) throw noSuch('event', call.id);
    return row.object;
  },
});

const LIST_EVENTS = endpoint('get /v1/events', {
  fields: { ...PAGE, type: 'string', types: 'strings', created: { range: true } },
  run(emulator, call, params) {
    const { type, types, created } = params;
    const objects = [...emulator.state.events.values()]
      .filter((row) => row.account === call.account)
      .map((row) => row.object)
      .filter((event) => within(event.created, created))
      .filter((event) => type === undefined || matches(event.type, type))
      .filter((event) => types === undefined || types.includes(event.type));
    return page('/v1/events', objects, params);
  },
});

const ACCOUNT = endpoint('get /v1/account', {
  fields: {},
  run: (_emulator, call) => ({
    id: call.account,
    object: 'account',
    charges_enabled: true,
    country: 'US',
    default_currency: 'usd',
    details_submitted: true,
    payouts_enabled: true,
    type: 'standard',
  }),
});

export const webhookEndpoints = [
  CREATE,
  LIST,
  RETRIEVE,
  UPDATE,
  DELETE,
  LIST_EVENTS,
  RETRIEVE_EVENT,
  ACCOUNT,
];

export function newEndpoint(options: {
  account: string;
  url: string;
  connect: boolean;
  secret?: string;
}): Endpoint {
  const { account, url, connect, secret = `whsec_${randomText(32)}` } = options;
  return {
    account,
    secret,
    connect,
    viaControl: false,
    object: {
      id: newId('we'),
      object: 'webhook_endpoint',
      api_version: null,
      application: null,
      created: nowSeconds(),
      description: null,
      enabled_events: ['*'],
      livemode: false,
      metadata: {},
      status: 'enabled',
      url,
    },
  };
}

/** `charge.*` asks for every event that begins so. */
function matches(type: string, asked: string): boolean {
  return asked.endsWith('*') ? type.startsWith(asked.slice(0, -1)) : type === asked;
}

function ownEndpoint(emulator: Emulator, call: Call): Endpoint {
  const row = ownRow(emulator.state.endpoints, call.account, call.id);
  if (row === undefined) throw noSuch('webhook endpoint', call.id);
  return row;
}

function checkedUrl(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw invalidParam('url', 'url_invalid', 'The url is an absolute http or https address.');
}
