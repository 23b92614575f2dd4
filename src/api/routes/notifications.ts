import { z } from 'zod';
import type { Hint } from '../../channels/channel-provider.ts';
import { describeError } from '../failures.ts';
import { providerOf } from '../providers.ts';
import type { ApiContext } from '../route.ts';
import { route } from '../route.ts';
import { Channel } from '../schemas/common.ts';
import { isStorable } from '../text.ts';

const LIMIT_BYTES = 256 * 1024;

/**
 * One route for all channels. The mark in the database comes before the answer and is what makes an
 * acknowledged notification last; the signal comes after it, and a sweeper sends it again if this
 * process dies in between.
 */
export const notificationRoute = route({
  method: 'post',
  path: '/v1/notifications/{channel}',
  id: 'receiveNotification',
  tag: 'Inbound',
  summary: 'Where channels say that something changed',
  about:
    'For channels, not for you. Each watch has a secret of its own; unknown watches are answered alike, so that nothing is learnt here.',
  scopes: null,
  rawBodyBytes: LIMIT_BYTES,
  params: z.strictObject({ channel: Channel }),
  query: z.record(z.string(), z.string()),
  answer: { status: 202, about: 'Noted; or what the channel wants to hear.', schema: null },
  problems: ['channel-unsuitable', 'body-too-large'],
  async handle(input, deps) {
    const provider = providerOf(deps, input.params.channel);
    const { headers, query, rawBody } = input;
    const { reply, hints } = provider.receive({ headers, query, rawBody });
    const woken = await Promise.all(hints.map((hint) => mark(hint, deps)));
    const { status, body, headers: own } = reply;
    return {
      status,
      ...(own ? { headers: own } : {}),
      ...(body === undefined ? {} : { text: { type: 'text/plain', content: body } }),
      after: () => {
        for (const wake of woken) wake?.();
      },
    };
  },
});

/** Marks a hint's connection; answers what wakes its workflow, when it was not awake already. */
async function mark(
  hint: Hint,
  { mark: markConnection, commands, log, metrics, limitWakes }: ApiContext,
): Promise<(() => void) | undefined> {
  const { watchId, secret } = hint;
  const marked = isStorable(watchId) ? await markConnection({ watchId, secret }) : null;
  if (!marked || marked.kind === 'unknown') {
    metrics.notified('unknown');
    return undefined;
  }
  metrics.notified(marked.wasClean ? 'clean' : 'dirty');
  if (!marked.wasClean) return undefined;
  const { tenantId, connectionId } = marked;
  return () => {
    const wake = () => commands.requestSync({ tenantId, connectionId });
    void limitWakes('', wake).catch((error: unknown) => {
      log('warn', 'a notification waits for the sweeper', {
        connectionId,
        ...describeError(error),
      });
    });
  };
}
