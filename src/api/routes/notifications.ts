import { z } from 'zod';
import type { Hint } from '../../channels/channel-provider.ts';
import type { ConnectionRef } from '../../commands.ts';
import { markWatchWanted } from '../../store/gate.ts';
import { stopOrphan } from '../orphans.ts';
import { providerOf } from '../providers.ts';
import type { ApiContext } from '../route.ts';
import { route } from '../route.ts';
import { Channel } from '../schemas/common.ts';
import { isStorable } from '../text.ts';

/** A batch of Graph may hold a thousand notifications. */
const LIMIT_BYTES = 1024 * 1024;

/**
 * One route for all channels. The mark in the database comes before the answer and is what makes an
 * acknowledged notification last; the signal comes after it, in a storm some time after, and a
 * sweeper sends it again if this process dies in between.
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
    const marked = await Promise.all(hints.map((hint) => mark(hint, deps)));
    const { status, body, headers: own } = reply;
    return {
      status,
      ...(own ? { headers: own } : {}),
      ...(body === undefined ? {} : { text: { type: 'text/plain', content: body } }),
      after: () => {
        for (const { woken, orphan } of marked) {
          if (woken) deps.signals.signal(woken);
          if (orphan) void stopOrphan(deps, orphan);
        }
      },
    };
  },
});

interface ToDo {
  /** The connection whose workflow has to be told. */
  woken?: ConnectionRef;
  /** A watch that we are done with and that still notifies. */
  orphan?: { watchId: string; nativeId: string };
}

/** Marks a hint's connection; answers what is to be done once the channel has its answer. */
async function mark(hint: Hint, deps: ApiContext): Promise<ToDo> {
  const { mark: markConnection, metrics, signals, database } = deps;
  const { watchId, secret, kind, nativeId } = hint;
  signals.noted();
  const marking =
    kind === 'changed'
      ? () => markConnection({ watchId, secret })
      : () => markWatchWanted(database.pool, { watchId, secret, kind });
  const marked = isStorable(watchId) ? await marking() : null;
  if (!marked || marked.kind === 'unknown') {
    metrics.notified('unknown');
    return {};
  }
  metrics.notified(marked.wasClean ? 'clean' : 'dirty');
  return {
    ...(marked.wasClean && { woken: marked }),
    // A watch that is lost has nothing left to stop.
    ...(marked.stopped && nativeId && kind !== 'lost' && { orphan: { watchId, nativeId } }),
  };
}
