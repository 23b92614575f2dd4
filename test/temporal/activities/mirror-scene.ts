import type { ChangeAnswer, StartChange } from '../../../src/commands.ts';
import type { Written } from '../../../src/channels/channel-provider.ts';
import type { ChannelProvider } from '../../../src/channels/channel-provider.ts';
import type { NeutralEvent } from '../../../src/domain/event.ts';
import { Failure } from '../../../src/domain/failure.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { carryOutMirrors } from '../../../temporal/activities/connection-mirrors.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import type { Ledger } from '../../support/ledger.ts';
import { gone, listed } from '../../support/ledger.ts';
import { openPort } from './port-scene.ts';

/** One outside calendar at the port: ids of our own that are never free again, etags, conditions. */
export interface MirrorScene {
  deps: ActivityDependencies;
  /** Native id → what is there. */
  events: Map<string, NeutralEvent>;
  /** Every request to write, remove or read, in order. */
  asked: string[];
  /** Called before each write; throws, or lets somebody else be quicker. */
  onWrite: () => void;
  cancelled: string[];
  setNow: (nowAt: number) => void;
  /** Somebody edits an event there. */
  edit: (nativeId: string, change: Partial<NeutralEvent>) => void;
  /** Our events, as they are there. */
  ours: () => NeutralEvent[];
  /** The channel tells of these: present ones as they are, others as removed. */
  tell: (key: ConnectionKey, ...nativeIds: string[]) => Promise<void>;
  /** A complete listing, as after a reset. */
  list: (key: ConnectionKey) => Promise<void>;
  carryOut: (key: ConnectionKey) => Promise<{ written: number; left: number }>;
}

export function openCalendar(ledger: Ledger): MirrorScene {
  const port = openPort(ledger);
  const spent = new Set<string>();
  let version = 0;
  const scene: MirrorScene = {
    deps: port.deps,
    events: new Map(),
    asked: [],
    onWrite: () => undefined,
    cancelled: [],
    setNow: (nowAt) => void (port.nowAt = nowAt),
    edit(nativeId, change) {
      const before = scene.events.get(nativeId)!;
      scene.events.set(nativeId, { ...before, ...change, etag: `v${(version += 1)}` });
    },
    ours: () => [...scene.events.values()].filter(({ marker }) => marker !== null),
    async tell(key, ...nativeIds) {
      port.answer = () => ({
        kind: 'delta',
        changes: nativeIds.flatMap((id) => {
          const event = scene.events.get(id);
          return event ? listed(event) : gone(id);
        }),
      });
      await port.pull(key);
    },
    async list(key) {
      port.answer = () => ({ kind: 'snapshot', changes: listed(...scene.events.values()) });
      await port.pull(key);
    },
    carryOut: (key) => carryOutMirrors(scene.deps, key),
  };
  const provider = port.deps.channels.get('google')!;
  const put = (
    nativeId: string,
    event: Parameters<ChannelProvider['write']>[0]['event'],
  ): Written => {
    const etag = `v${(version += 1)}`;
    scene.events.set(nativeId, {
      ...BLANK,
      nativeId,
      uid: `${nativeId}@there`,
      status: event.status,
      start: { kind: 'utc', at: event.startAt },
      end: { kind: 'utc', at: event.endAt },
      marker: event.marker,
      etag,
    });
    return { nativeId, etag };
  };
  Object.assign(provider, {
    async write({ id, generation, event, ifMatch }) {
      scene.asked.push('write');
      scene.onWrite();
      const nativeId = `${id}:${generation}`;
      const there = scene.events.get(nativeId);
      if (!there && spent.has(nativeId)) throw conflict('id-spent');
      if (ifMatch !== null && there?.etag !== ifMatch) throw conflict('conditionNotMet');
      spent.add(nativeId);
      return put(nativeId, event);
    },
    async remove({ id, generation, nativeId }) {
      scene.asked.push('remove');
      scene.events.delete(nativeId ?? `${id}:${generation}`);
    },
    async read({ nativeId }) {
      scene.asked.push('read');
      return scene.events.get(nativeId) ?? null;
    },
  } satisfies Partial<ChannelProvider>);
  Object.assign(port.deps.commands, {
    /** No booking finds room at another time. */
    async changeBooking({ bookingId, kind }: StartChange): Promise<ChangeAnswer> {
      if (kind !== 'cancel') return { kind: 'refused', refusal: 'taken' };
      scene.cancelled.push(bookingId);
      return { kind: 'done' };
    },
  });
  return scene;
}

const conflict = (code: string): Failure => new Failure({ kind: 'conflict', code });

const BLANK: NeutralEvent = {
  nativeId: '',
  uid: null,
  seriesId: null,
  originalStart: null,
  status: 'confirmed',
  transparency: 'opaque',
  kind: 'default',
  start: null,
  end: null,
  recurrence: [],
  thisAndFuture: false,
  sequence: 0,
  etag: null,
  updatedAt: null,
  marker: null,
};
