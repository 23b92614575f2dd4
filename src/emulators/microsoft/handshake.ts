import { randomUUID } from 'node:crypto';
import type { Outgoing } from '../outgoing.ts';
import { badRequest } from './errors.ts';

interface Handshake {
  outgoing: Outgoing;
  timeoutMs: number;
}

/**
 * Asks a URL to echo a token as plain text; anything else is a 400.
 * Source: Graph "Receive change notifications through webhooks", notificationUrl validation.
 */
export async function validateUrl(url: string, { outgoing, timeoutMs }: Handshake): Promise<void> {
  // Spaces and a colon, as the real ones have: an echo of the undecoded text is wrong.
  const token = `Validation: Testing client application reachability for subscription Request-Id: ${randomUUID()}`;
  const target = new URL(url);
  target.searchParams.set('validationToken', token);
  const reply = await within(
    timeoutMs,
    outgoing.post({
      address: target.href,
      headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': '0' },
      timeoutMs,
    }),
  );
  const failure = 'Subscription validation request failed.';
  if (reply === undefined || reply.status === 0) {
    throw badRequest('ValidationError', `${failure} The notification URL did not answer in time.`);
  }
  if (reply.status !== 200) {
    const message = `${failure} The notification URL must answer 200 OK to the validation request.`;
    throw badRequest('ValidationError', message);
  }
  const isPlain = /^text\/plain\b/i.test(reply.headers['content-type'] ?? '');
  if (!isPlain || reply.body !== token) {
    const message = `${failure} The answer must be exactly the validationToken, as text/plain.`;
    throw badRequest('ValidationError', message);
  }
}

function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    void work.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
