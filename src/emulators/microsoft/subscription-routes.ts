import express from 'express';
import type { Request, Response, Router } from 'express';
import { authorize, readJsonObject } from './access.ts';
import { userIdOf } from './accounts.ts';
import { GraphError } from './errors.ts';
import { validateUrl } from './handshake.ts';
import type { MicrosoftParts } from './microsoft.ts';
import { someEntry } from './notifications.ts';
import { graphUrl } from './paging.ts';
import { readPreferences } from './prefer.ts';
import { readExpiration, readSubscription } from './subscription-body.ts';
import type { Subscription } from './subscriptions.ts';

const mailboxLimit = 1000;

/** Source: Graph reference, subscription resource and its methods. */
export function createSubscriptionRoutes(parts: MicrosoftParts): Router {
  const { accounts, subscriptions } = parts;
  const router = express.Router({ caseSensitive: false });
  router.get('/subscriptions', (req, res) => {
    const { email } = authorize(req, accounts, 'read');
    res.json({ value: subscriptions.of(email).map((each) => view(req, each)) });
  });
  router.post('/subscriptions', (req, res) => subscribe(parts, req, res));
  router.get('/subscriptions/:id', (req, res) => {
    res.json(view(req, reach(parts, req)));
  });
  router.patch('/subscriptions/:id', (req, res) => {
    const subscription = reach(parts, req);
    const expiresAtMs = readExpiration(readJsonObject(req)['expirationDateTime']);
    const renewed = { ...subscription, expiresAtMs };
    subscriptions.save(renewed);
    res.json(view(req, renewed));
  });
  router.delete('/subscriptions/:id', (req, res) => {
    subscriptions.remove(reach(parts, req));
    res.status(204).end();
  });
  router.post('/subscriptions/:id/reauthorize', (req, res) => {
    const { id } = reach(parts, req);
    parts.host.effect('microsoft', 'reauthorized', { subscriptionId: id });
    res.status(204).end();
  });
  return router;
}

async function subscribe(parts: MicrosoftParts, req: Request, res: Response): Promise<void> {
  const { accounts, host, outgoing, store, subscriptions, switches } = parts;
  const access = authorize(req, accounts, 'read');
  const { immutableIds } = readPreferences(req, res);
  const read = readSubscription(readJsonObject(req), { store, switches, access });
  const theirs = subscriptions.of(access.email);
  const twin = theirs.find(
    ({ resource, changeType }) => resource === read.resource && changeType === read.changeType,
  );
  if (twin !== undefined && switches.duplicateSubscriptions === 'refuse') {
    const message = `Subscription Id ${twin.id} already exists for the requested combination.`;
    throw new GraphError(409, 'Conflict', { message });
  }
  if (theirs.length >= mailboxLimit) {
    const message = `The mailbox has ${mailboxLimit} active subscriptions already.`;
    throw new GraphError(403, 'ExtensionError', { message });
  }
  const handshake = { outgoing, timeoutMs: switches.validationTimeoutMs };
  for (const url of new Set([read.notificationUrl, read.lifecycleNotificationUrl])) {
    if (url !== undefined) await validateUrl(url, handshake);
  }
  const subscription = { ...read, id: subscriptions.newId(), immutableIds };
  subscriptions.save(subscription);
  host.effect('microsoft', 'subscribed', { subscriptionId: subscription.id });
  const entry = someEntry(store, subscription);
  if (switches.notifyBeforeSubscribeAnswer && entry !== undefined) {
    await parts.notifications.send(subscription, { changeType: 'updated', entry });
  }
  res.status(201).json(view(req, subscription));
}

function reach({ accounts, subscriptions }: MicrosoftParts, req: Request): Subscription {
  const { email } = authorize(req, accounts, 'read');
  const subscription = subscriptions.get(String(req.params['id']));
  if (subscription?.account === email) return subscription;
  throw new GraphError(404, 'ResourceNotFound', { message: 'The object was not found.' });
}

function view(req: Request, subscription: Subscription): Record<string, unknown> {
  const { id, resource, changeType, notificationUrl, lifecycleNotificationUrl } = subscription;
  return {
    '@odata.context': graphUrl(req, '/$metadata#subscriptions/$entity'),
    id,
    resource,
    applicationId: userIdOf('application'),
    changeType,
    clientState: subscription.clientState ?? null,
    notificationUrl,
    notificationQueryOptions: null,
    lifecycleNotificationUrl: lifecycleNotificationUrl ?? null,
    expirationDateTime: new Date(subscription.expiresAtMs).toISOString(),
    creatorId: userIdOf(subscription.account),
    includeResourceData: null,
    latestSupportedTlsVersion: subscription.latestSupportedTlsVersion,
    encryptionCertificate: null,
    encryptionCertificateId: null,
    notificationUrlAppId: null,
  };
}
