import { randomUUID } from 'node:crypto';
import type { Channel, Credential } from '../../src/channels/channel-provider.ts';
import { createVault, parseKeyring } from '../../src/vault.ts';
import type { Holdfast } from '../support/holdfast.ts';
import type { Dice } from './dice.ts';
import type { Entry } from './entry.ts';
import type { Hand } from './person.ts';

/** One seed's calendar at an emulated channel, and what can go wrong with it. */
export interface World {
  accountId: string;
  calendarId: string;
  hand: Hand;
  /** What the channel itself says it holds, read without our mapping. Days mean `zone`. */
  entries: (zone: string) => Promise<Entry[]>;
  /** Where a channel lists a stretch of time only: the entries that surely lie in it. */
  seen?: (entries: readonly Entry[]) => Entry[];
  troubles: Trouble[];
  /** Ends what goes on by itself. */
  calm: () => Promise<void>;
}

export interface Trouble {
  name: string;
  /** The channel forgets where we were, so that the next pass lists everything. */
  losesPlace?: true;
  cause: (dice: Dice) => Promise<void>;
}

/** An account as consent or a form leaves it. */
export async function addAccount(
  { database, tenantId, env }: Holdfast,
  { channel, subject, credential }: { channel: Channel; subject: string; credential: Credential },
): Promise<string> {
  const id = randomUUID();
  const vault = createVault(parseKeyring(env['HOLDFAST_KEYRING']!));
  const sealed = vault.seal([tenantId, 'account', id], JSON.stringify(credential));
  await database.prisma.account.create({
    data: { tenantId, id, channel, subject, credential: new Uint8Array(sealed) },
  });
  return id;
}

export const grantOf = (refreshToken: string): Credential => ({
  kind: 'oauth',
  refreshToken,
  accessToken: 'none-yet',
  expiresAt: new Date(0).toISOString(),
  scopes: [],
});

interface Calls {
  host: 'google' | 'microsoft' | 'caldav' | 'feeds';
  /** Source of a regular expression that only this calendar's calls meet. */
  path: string;
}

/** What any server does on a bad day, to this calendar alone. */
export function badDays({ control }: Holdfast, calls: Calls) {
  const placed: string[] = [];
  const fault = (name: string, script: (dice: Dice) => Record<string, unknown>): Trouble => ({
    name,
    async cause(dice) {
      const { id } = await control<{ id: string }>('POST', '/faults', {
        ...calls,
        times: 1 + dice.below(2),
        ...script(dice),
      });
      placed.push(id);
    },
  });
  return {
    fault,
    troubles: [
      fault('too many requests', () => ({ status: 429, headers: { 'retry-after': '1' } })),
      fault('unavailable', () => ({ status: 503 })),
      fault('no answer, nothing done', () => ({ drop: 'before' })),
      fault('no answer, all done', () => ({ drop: 'after' })),
      fault('half an answer', () => ({ cutBody: true })),
      fault('slow', (dice) => ({ delayMs: 100 + dice.below(1_500) })),
    ],
    async calm() {
      const { faults } = await control<{ faults: { id: string }[] }>('GET', '/faults');
      const there = new Set(faults.map(({ id }) => id));
      for (const id of placed.splice(0))
        if (there.has(id)) await control('DELETE', `/faults/${id}`);
    },
  };
}

/** For a pattern: every character stands for itself. */
export const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The id by which we know the calendar whose address has this in it. */
export async function listedId(
  holdfast: Holdfast,
  accountId: string,
  part: string,
): Promise<string> {
  const { status, body } = await holdfast.call('GET', `/accounts/${accountId}/calendars`);
  const found = ((body.items ?? []) as { id: string }[]).find(({ id }) =>
    decodeURIComponent(id).includes(part),
  );
  if (!found) throw new Error(`${part} is not listed: ${status} ${JSON.stringify(body)}`);
  return found.id;
}
