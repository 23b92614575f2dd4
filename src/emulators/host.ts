import { createHash, randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { openCollection } from './collection.ts';
import type { Collection } from './collection.ts';
import { exchangeHandlers } from './exchange.ts';
import type { ExchangeOptions } from './exchange.ts';
import { createFaultBook } from './faults.ts';
import type { Fault, FaultBook } from './faults.ts';
import { createHolds } from './holds.ts';
import type { Holds } from './holds.ts';
import { openRecord } from './record.ts';
import type { ActivityRecord } from './record.ts';
import { createSwitchBoard } from './switches.ts';
import type { SwitchBoard, SwitchValue } from './switches.ts';

/**
 * What every emulated host shares. A host is a function `createX(host)` that gives
 * `{ router, control }`: `router` is mounted at `/` and serves the provider's own paths, `control`
 * at `/control/<name>`. All its state lives in collections.
 */
export interface Host {
  /** A durable map; the same name gives the same map. */
  collection<T>(name: string): Collection<T>;
  /** Middleware for the provider's own paths: `router.use('/v1', host.exchange({ host: 'stripe' }))`. */
  exchange(options: ExchangeOptions): RequestHandler[];
  /** Adds a domain entry to the record: `effect('stripe', 'captured', { intent, amountMinor })`. */
  effect(hostName: string, effect: string, details: Record<string, unknown>): void;
  /** The next number of a durable series, from 1. */
  serial(series: string): number;
  /** `length` characters that look random, never twice the same for one series. */
  opaqueId(series: string, alphabet: string, length: number): string;
  /** Runs when a person resets the process, after all collections are empty. */
  onReset(listener: () => void): void;
  /** Runs when the process closes: stop timers and agents here. */
  onClose(listener: () => void): void;
  readonly switches: SwitchBoard;
  readonly record: ActivityRecord;
  readonly faults: FaultBook;
  readonly holds: Holds;
  reset(): void;
  close(): void;
}

export function createHost({ stateDir }: { stateDir?: string | undefined } = {}): Host {
  const collections = new Map<string, Collection<unknown>>();
  function collection<T>(name: string): Collection<T> {
    const opened = collections.get(name) ?? openCollection<unknown>(stateDir, name);
    collections.set(name, opened);
    return opened as Collection<T>;
  }
  const record = openRecord(stateDir);
  const serials = collection<number>('serials');
  const seeds = collection<string>('seed');
  const holds = createHolds();
  const switches = createSwitchBoard(collection<SwitchValue>('switches'));
  const resetListeners: (() => void)[] = [];
  const closeListeners: (() => void)[] = [];

  function serial(series: string): number {
    const next = (serials.get(series) ?? 0) + 1;
    serials.set(series, next);
    return next;
  }
  function seed(): string {
    if (!seeds.has('seed')) seeds.set('seed', randomUUID());
    return seeds.get('seed')!;
  }
  const faults = createFaultBook(collection<Fault>('faults'), () => `fault-${serial('fault')}`);

  return {
    collection,
    exchange: (options) => exchangeHandlers({ record, faults, holds }, options),
    effect: (hostName, effect, details) => record.append({ host: hostName, effect, ...details }),
    serial,
    opaqueId: (series, alphabet, length) =>
      spell(`${seed()}:${series}:${serial(series)}`, alphabet, length),
    onReset: (listener) => resetListeners.push(listener),
    onClose: (listener) => closeListeners.push(listener),
    switches,
    record,
    faults,
    holds,
    reset() {
      holds.releaseAll();
      for (const each of collections.values()) each.clear();
      switches.reset();
      record.clear();
      for (const listener of resetListeners) listener();
    },
    close() {
      holds.releaseAll();
      for (const listener of closeListeners) listener();
      for (const each of collections.values()) each.close();
      record.close();
    },
  };
}

function spell(text: string, alphabet: string, length: number): string {
  let spelled = '';
  for (let block = 0; spelled.length < length; block += 1) {
    const digest = createHash('sha256').update(`${text}:${block}`).digest();
    for (const byte of digest) spelled += alphabet[byte % alphabet.length]!;
  }
  return spelled.slice(0, length);
}

/** The letters most providers write their opaque ids in. */
export const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
