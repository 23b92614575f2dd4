import type { Channel } from '../../src/channels/channel-provider.ts';
import { startHoldfast, type Holdfast } from '../support/holdfast.ts';

/** A Holdfast whose processes die now and then; one death at a time, shared by all who want one. */
export interface Place {
  channel: Channel;
  holdfast: Holdfast;
  kill: (victim: Victim) => Promise<void>;
  stop: () => Promise<void>;
}

export const VICTIMS = ['worker', 'worker-in-order', 'api'] as const;
export type Victim = (typeof VICTIMS)[number];

export async function openPlace(channel: Channel): Promise<Place> {
  const holdfast = await startHoldfast(({ emulatorsUrl, partitionUrl }) => ({
    HOLDFAST_OUTBOUND_ALLOW: [emulatorsUrl, partitionUrl].map((one) => new URL(one).host).join(','),
    HOLDFAST_CALDAV_PARTIES: [emulatorsUrl, partitionUrl].map((one) => new URL(one).host).join('+'),
    HOLDFAST_MICROSOFT_API_URL: emulatorsUrl,
    HOLDFAST_MICROSOFT_AUTH_URL: `${emulatorsUrl}/microsoft/common/oauth2/v2.0/authorize`,
    HOLDFAST_MICROSOFT_TOKEN_URL: `${emulatorsUrl}/microsoft/common/oauth2/v2.0/token`,
    HOLDFAST_MICROSOFT_CLIENT_ID: 'emulated-client',
    HOLDFAST_MICROSOFT_CLIENT_SECRET: 'emulated-secret',
  }));
  let dying: Promise<void> | null = null;
  const die = async (victim: Victim) => {
    if (victim === 'api') {
      await holdfast.api.stop('SIGKILL');
      await holdfast.startApi();
      return;
    }
    await holdfast.worker.stop(victim === 'worker' ? 'SIGKILL' : 'SIGTERM');
    await holdfast.startWorker();
  };
  return {
    channel,
    holdfast,
    kill: (victim) =>
      (dying ??= die(victim).finally(() => {
        dying = null;
      })),
    async stop() {
      await dying;
      await holdfast.stop();
    },
  };
}
