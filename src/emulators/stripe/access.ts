import type { Request } from 'express';
import type { Emulator } from './emulator.ts';
import { StripeError } from './errors.ts';
import type { Form } from './form.ts';

export type Caller = { account: string; publishable: boolean; apiVersion: string };

/**
 * Who asks: a secret or publishable key as Bearer, as the user of Basic, or (publishable, as browsers
 * do) as parameter `key`; `Stripe-Account` acts for a connected account. 401 for an unknown key.
 */
export function authenticate(emulator: Emulator, req: Request, form: Form): Caller {
  const { key, inForm } = keyOf(req, form);
  if (key === undefined) {
    throw refusal(
      'No API key came with the request. Send it as `Authorization: Bearer sk_test_…`.',
    );
  }
  const account = [...emulator.state.accounts.values()].find(
    ({ secretKey, publishableKey }) => (!inForm && key === secretKey) || key === publishableKey,
  );
  if (account === undefined) {
    throw refusal(`Invalid API Key provided: ${key.slice(0, 8)}****${key.slice(-4)}`);
  }
  const apiVersion = versionOf(req, account.apiVersion);
  const publishable = key === account.publishableKey;
  const actingFor = req.get('stripe-account');
  if (actingFor === undefined || actingFor === account.id) {
    return { account: account.id, publishable, apiVersion };
  }
  if (emulator.state.accounts.get(actingFor)?.platform !== account.id) {
    const message = `The key has no access to account '${actingFor.slice(0, 40)}'.`;
    throw new StripeError(403, message, {
      code: 'account_invalid',
      type: 'invalid_request_error',
      beforeExecution: true,
    });
  }
  return { account: actingFor, publishable, apiVersion };
}

function keyOf(req: Request, form: Form): { key: string | undefined; inForm: boolean } {
  const header = req.get('authorization') ?? '';
  const [scheme = '', credentials = ''] = header.split(' ', 2);
  if (/^bearer$/i.test(scheme) && credentials !== '') return { key: credentials, inForm: false };
  if (/^basic$/i.test(scheme)) {
    const [user = ''] = Buffer.from(credentials, 'base64').toString('utf8').split(':', 1);
    return { key: user === '' ? undefined : user, inForm: false };
  }
  const { key } = form;
  return { key: typeof key === 'string' ? key : undefined, inForm: true };
}

function versionOf(req: Request, usual: string): string {
  const asked = req.get('stripe-version');
  if (asked === undefined) return usual;
  if (/^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$/.test(asked)) return asked;
  throw new StripeError(400, `Invalid Stripe API version: ${asked.slice(0, 40)}`, {
    beforeExecution: true,
  });
}

function refusal(message: string): StripeError {
  return new StripeError(401, message, { beforeExecution: true });
}
