import type { Router } from 'express';
import { ControlError } from './control-error.ts';
import { API_VERSION } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { derivedText, randomText } from './ids.ts';
import type { Account } from './state.ts';
import { newEndpoint } from './webhook-endpoints.ts';

type Wanted = {
  secretKey?: string;
  publishableKey?: string;
  platform?: string | null;
  apiVersion?: string;
  webhookUrl?: string | null;
  webhookSecret?: string;
  enabledEvents?: string[];
};
const KNOWN = [
  'secretKey',
  'publishableKey',
  'platform',
  'apiVersion',
  'webhookUrl',
  'webhookSecret',
  'enabledEvents',
];

/** `PUT /accounts/:id` makes or changes an account; what is left out stays as it is. */
export function accountRoutes(router: Router, emulator: Emulator): void {
  const { accounts } = emulator.state;
  router.put('/accounts/:id', (req, res) => {
    const wanted = (req.body ?? {}) as Wanted;
    const unknown = Object.keys(wanted).find((name) => !KNOWN.includes(name));
    if (unknown !== undefined) {
      throw new ControlError(400, `An account has no "${unknown}". Known: ${KNOWN.join(', ')}.`);
    }
    const account = withWanted(emulator, req.params.id, wanted);
    accounts.set(account.id, account);
    setEndpoint(emulator, account.id, wanted);
    res.json(view(emulator, account));
  });
  router.get('/accounts', (_req, res) => {
    res.json({ accounts: [...accounts.values()].map((account) => view(emulator, account)) });
  });
  router.delete('/accounts/:id', (req, res) => {
    const { id } = req.params;
    if (!accounts.has(id)) {
      throw new ControlError(404, `No account ${id}; GET accounts lists them.`);
    }
    accounts.delete(id);
    res.json({ removed: id });
  });
}

function withWanted({ state }: Emulator, id: string, wanted: Wanted): Account {
  const known = state.accounts.get(id);
  const secretKey = wanted.secretKey ?? known?.secretKey ?? `sk_test_${randomText(24)}`;
  if (!/^[sr]k_test_\w+$/.test(secretKey)) {
    throw new ControlError(400, 'A secretKey begins with sk_test_ or rk_test_.');
  }
  const twin = [...state.accounts.values()].find(
    (account) => account.id !== id && account.secretKey === secretKey,
  );
  if (twin !== undefined) {
    throw new ControlError(400, `That secretKey is of account ${twin.id}; give each its own.`);
  }
  const sameKey = known?.secretKey === secretKey ? known.publishableKey : undefined;
  const platform = wanted.platform === undefined ? known?.platform : wanted.platform;
  return {
    id,
    secretKey,
    publishableKey:
      wanted.publishableKey ?? sameKey ?? `pk_test_${derivedText(`publishable:${secretKey}`, 24)}`,
    apiVersion: wanted.apiVersion ?? known?.apiVersion ?? API_VERSION,
    ...(typeof platform === 'string' ? { platform } : {}),
  };
}

function setEndpoint({ state }: Emulator, id: string, wanted: Wanted): void {
  const { webhookUrl, webhookSecret, enabledEvents } = wanted;
  const kept = [...state.endpoints.values()].find((row) => row.viaControl && row.account === id);
  if (webhookUrl === null) {
    if (kept !== undefined) state.endpoints.delete(kept.object.id);
    return;
  }
  const url = webhookUrl ?? kept?.object.url;
  if (url === undefined) return;
  if (!URL.canParse(url)) {
    throw new ControlError(400, 'webhookUrl is an absolute address, or null to remove it.');
  }
  const row = kept ?? newEndpoint({ account: id, url, connect: false });
  const enabled_events = enabledEvents ?? row.object.enabled_events;
  state.endpoints.set(row.object.id, {
    ...row,
    viaControl: true,
    secret: webhookSecret ?? row.secret,
    object: { ...row.object, url, enabled_events, status: 'enabled' },
  });
}

function view({ state }: Emulator, account: Account) {
  const endpoint = [...state.endpoints.values()].find(
    (row) => row.viaControl && row.account === account.id,
  );
  return {
    ...account,
    webhookUrl: endpoint?.object.url ?? null,
    webhookSecret: endpoint?.secret ?? null,
    webhookEndpoint: endpoint?.object.id ?? null,
  };
}
