import { AsyncLocalStorage } from 'node:async_hooks';
import { Context } from '@temporalio/activity';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import pg from 'pg';
import { Failure } from '../../src/domain/failure.ts';
import { translate } from '../../temporal/activities/failure.ts';
import type { Call, Directive } from './fault-desk.ts';

/**
 * The worker as it is, with a desk in the test's process asked before each call of an activity what
 * is to go wrong with it. Database faults happen at the driver, so that an activity meets them where
 * it would; the product knows nothing of it.
 */
type Activity = (input: unknown) => Promise<unknown>;

interface Trouble {
  isLocal: boolean;
  refuse?: 'passing' | 'final';
  /** Statements until the connection breaks under one. */
  cutAt?: number;
}

const DESK = process.env['FAULT_DESK_URL']!;
const LATE_MS = 1_000;
const under = new AsyncLocalStorage<Trouble>();

const create = Worker.create.bind(Worker);
Worker.create = (options: WorkerOptions) =>
  create({ ...options, ...(options.activities && { activities: faulty(options.activities) }) });

breakDatabase();
await import('../../temporal/worker.ts');

function faulty(activities: object): Record<string, Activity> {
  const wrapped = Object.entries(activities).map(([name, run]) => [
    name,
    (input: unknown) => (isOfBooking(input) ? meet(name, run as Activity, input) : run(input)),
  ]);
  return Object.fromEntries(wrapped) as Record<string, Activity>;
}

const isOfBooking = (input: unknown): input is { bookingId: string } =>
  typeof input === 'object' && input !== null && 'bookingId' in input;

async function meet(name: string, run: Activity, input: { bookingId: string }): Promise<unknown> {
  const { info } = Context.current();
  const { isLocal, attempt } = info;
  const call = { activity: name, bookingId: input.bookingId, isLocal, attempt };
  const told = await ask('call', call);
  switch (told.kind) {
    case 'go':
      return run(input);
    case 'refuse':
      return under.run({ isLocal, refuse: told.how }, () => run(input));
    case 'cut':
      return under.run({ isLocal, cutAt: told.statement }, () => run(input));
    case 'lose':
      await run(input);
      throw translate(new Failure({ kind: 'unavailable', code: 'answer-lost' }));
    case 'late':
      await sleep((info.heartbeatTimeoutMs || info.startToCloseTimeoutMs) + LATE_MS);
      // Nobody waits for it any more, and perhaps another attempt was made meanwhile.
      return run(input);
    case 'stand-before':
      await ask('stand', call);
      return run(input);
    case 'stand-after': {
      const answer = await run(input);
      await ask('stand', call);
      return answer;
    }
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function ask(path: string, call: Call): Promise<Directive> {
  const response = await under.exit(() =>
    fetch(`${DESK}/${path}`, { method: 'POST', body: JSON.stringify(call) }),
  );
  return (await response.json()) as Directive;
}

/** What the database says in place of an answer, or the payment service where one is reached. */
function refusal({ isLocal, refuse }: Trouble): Error | null {
  if (refuse === undefined) return null;
  if (!isLocal && refuse === 'final') return new Failure({ kind: 'invalid', code: 'refused' });
  return Object.assign(new Error('refused by the test'), {
    code: refuse === 'final' ? '42501' : '53300',
  });
}

type Connected = (error: Error | undefined, client?: object, done?: () => void) => void;

function breakDatabase(): void {
  const { connect } = pg.Pool.prototype as unknown as {
    connect: (connected?: Connected) => Promise<pg.PoolClient>;
  };
  const connectFaultily = function (this: pg.Pool, connected?: Connected) {
    const trouble = under.getStore();
    const refused = trouble ? refusal(trouble) : null;
    if (refused && connected) return process.nextTick(connected, refused);
    if (refused) return Promise.reject(refused);
    // A pool calls back from wherever a connection became free.
    if (connected && trouble)
      return connect.call(this, (...got) => under.run(trouble, () => connected(...got)));
    return connect.call(this, connected);
  };
  Object.assign(pg.Pool.prototype, { connect: connectFaultily });

  const { query } = pg.Client.prototype as unknown as { query: (...asked: unknown[]) => unknown };
  const queryFaultily = function (this: pg.Client, ...asked: unknown[]) {
    const trouble = under.getStore();
    const isCut = trouble?.cutAt !== undefined && trouble.cutAt-- === 1;
    const answer = query.apply(this, asked);
    // The statement is on its way: whether it was carried out, nobody is told.
    if (isCut) setImmediate(() => streamOf(this).destroy());
    return answer;
  };
  Object.assign(pg.Client.prototype, { query: queryFaultily });
}

const streamOf = (client: pg.Client) =>
  (client as unknown as { connection: { stream: { destroy: () => void } } }).connection.stream;
