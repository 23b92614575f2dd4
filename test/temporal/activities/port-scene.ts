import { randomBytes } from 'node:crypto';
import { asyncLocalStorage, type Context } from '@temporalio/activity';
import type {
  Channel,
  ChannelProvider,
  Pulled,
  PullInput,
} from '../../../src/channels/channel-provider.ts';
import type { Interval } from '../../../src/domain/interval.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { createVault, parseKeyring } from '../../../src/vault.ts';
import { pullPage } from '../../../temporal/activities/connection.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import type { PullResult } from '../../../temporal/contracts/connection.ts';
import type { Ledger } from '../../support/ledger.ts';
import { UNLIMITED } from '../../support/limits.ts';

/** A channel at the port, played by the test: what it answers, what it was asked, and when. */
export type Page = Exclude<Pulled, { kind: 'cursor-lost' }>;

export interface PortScene {
  nowAt: number;
  absenceConfirmMs: number;
  /** Throws, or answers what differs from an empty page. */
  answer: (input: PullInput) => Partial<Page>;
  /** What the channel says is taken. */
  freeBusy: (window: Interval) => Interval[] | null;
  asked: PullInput[];
  deps: ActivityDependencies;
  pull: (key: ConnectionKey, acceptRemovals?: boolean) => Promise<PullResult>;
}

const DAY_MS = 86_400_000;
const vault = createVault(parseKeyring(`k:${randomBytes(32).toString('base64')}`));

export function openPort(ledger: Ledger): PortScene {
  const scene: PortScene = {
    nowAt: Date.now(),
    absenceConfirmMs: 0,
    answer: () => ({}),
    freeBusy: () => null,
    asked: [],
    deps: dependencies(ledger, () => scene),
    async pull(key, acceptRemovals = false) {
      const { rows } = await ledger.pool.query<{ version: string }>(
        'SELECT cursor_version AS version FROM connection WHERE id = $1',
        [key.connectionId],
      );
      const input = { ...key, fromVersion: Number(rows[0]!.version), acceptRemovals };
      const context = { cancellationSignal: new AbortController().signal } as Context;
      return asyncLocalStorage.run(context, () => pullPage(scene.deps, input));
    },
  };
  return scene;
}

const dependencies = (ledger: Ledger, scene: () => PortScene): ActivityDependencies => ({
  database: { pool: ledger.pool } as ActivityDependencies['database'],
  vault,
  channels: new Map<Channel, ChannelProvider>([['google', provider(scene)]]),
  openAccess: () => Promise.resolve({ kind: 'bearer', accessToken: 'x' }),
  ...UNLIMITED,
  payments: {} as ActivityDependencies['payments'],
  commands: {
    requestMirror: () => Promise.resolve(),
    requestSync: () => Promise.resolve(),
    resumeChange: () => Promise.resolve(),
    giveUpBooking: () => Promise.resolve({ kind: 'cancelled' }),
    changeBooking: () => Promise.resolve({ kind: 'done' }),
  },
  settings: {
    horizonMs: 10 * 365 * DAY_MS,
    publicUrl: null,
    pollsPerHour: 600,
    repair: {
      nightly: true,
      compareEveryMs: 4 * 3_600_000,
      compareAheadMs: 10 * 365 * DAY_MS,
      secondLookMs: 10_000,
    },
  },
  now: () => scene().nowAt,
  log: () => undefined,
});

const provider = (scene: () => PortScene): ChannelProvider =>
  ({
    channel: 'google',
    get supports() {
      const { absenceConfirmMs } = scene();
      return { oauth: true, push: false, write: true, renewal: 'none', absenceConfirmMs };
    },
    async pull(input) {
      scene().asked.push(input);
      const given = scene().answer(input);
      return {
        kind: input.cursor === null ? 'snapshot' : 'delta',
        changes: [],
        withheld: [],
        nextCursor: given.more ? null : 'cursor',
        checkpoint: given.more ? 'checkpoint' : null,
        more: false,
        ageMs: 0,
        ...given,
      };
    },
    freeBusy: async ({ window }) => scene().freeBusy(window),
  }) as ChannelProvider;
