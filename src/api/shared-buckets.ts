import type { Bucket } from '../domain/request-limits.ts';
import type { Database } from '../store/database.ts';
import type { Spending } from '../store/request-buckets.ts';
import { forgetFullBuckets, shareSpending } from '../store/request-buckets.ts';

/** A bucket in this process's memory. */
export interface Held extends Bucket {
  /** Notes what was let through, to tell the other processes. */
  spent(ms: number): void;
}

export interface SharedBuckets {
  hold(tenantId: string, bucket: string): Held;
  /** How many are in memory. */
  size(): number;
  /** Tells what was spent and learns what others spent; also done by itself, once a second. */
  share(): Promise<void>;
}

interface Entry extends Held {
  tenantId: string;
  bucket: string;
  unsaidMs: number;
}

const SHARE_EVERY_MS = 1_000;
/**
 * Less than this share of what flows in meanwhile is not told: sixteen processes, each of which lets
 * through that little, together stay within the limit, and a caller at ease costs no write.
 */
const TOLD_FROM = 1 / 16;
const FORGET_EVERY_MS = 60_000;

/** `pool: null` keeps the buckets of this process to itself. */
export function createSharedBuckets(options: {
  pool: Database['pool'] | null;
  now: () => number;
  mostHeld: number;
}): SharedBuckets {
  const { pool, now, mostHeld } = options;
  const held = new Map<string, Entry>();
  let timer: NodeJS.Timeout | undefined;
  let sharing: Promise<void> | null = null;
  let forgottenAt = now();

  const makeRoom = () => {
    const oldest = held.keys().next();
    if (!oldest.done) held.delete(oldest.value);
  };
  const shareNow = async (to: Database['pool']) => {
    const told: { entry: Entry; spending: Spending }[] = [];
    for (const entry of held.values()) {
      const { tenantId, bucket, unsaidMs: spentMs } = entry;
      if (spentMs >= SHARE_EVERY_MS * TOLD_FROM)
        told.push({ entry, spending: { tenantId, bucket, spentMs } });
      entry.unsaidMs = 0;
    }
    if (told.length === 0) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    const debts = await shareSpending(
      to,
      told.map((one) => one.spending),
    );
    for (const { tenantId, bucket, debtMs } of debts) {
      const entry = held.get(keyOf(tenantId, bucket));
      if (entry) entry.fullAt = Math.max(entry.fullAt, now() + debtMs + entry.unsaidMs);
    }
    if (now() - forgottenAt < FORGET_EVERY_MS) return;
    forgottenAt = now();
    await forgetFullBuckets(to);
  };
  /** A database that is away leaves each process to its own count, which still holds. */
  const share = async () => {
    if (pool) await (sharing ??= shareNow(pool).catch(() => undefined));
    sharing = null;
  };
  const begin = () => {
    if (pool) timer ??= setInterval(() => void share(), SHARE_EVERY_MS).unref();
  };
  return {
    hold(tenantId, bucket) {
      const key = keyOf(tenantId, bucket);
      const known = held.get(key);
      // Put at the end again, so that the first is the one asked longest ago.
      held.delete(key);
      if (!known && held.size >= mostHeld) makeRoom();
      const entry = known ?? newEntry(tenantId, bucket, begin);
      held.set(key, entry);
      return entry;
    },
    size: () => held.size,
    share,
  };
}

const keyOf = (tenantId: string, bucket: string) => `${tenantId} ${bucket}`;

function newEntry(tenantId: string, bucket: string, begin: () => void): Entry {
  const entry: Entry = {
    tenantId,
    bucket,
    fullAt: 0,
    unsaidMs: 0,
    spent(ms) {
      entry.unsaidMs += ms;
      begin();
    },
  };
  return entry;
}
