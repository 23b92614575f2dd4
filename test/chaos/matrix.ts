import { bookingActivities, type BookingActivity } from './booking-activities.ts';
import { FLOWS } from './matrix-flows.ts';
import { insist, readBooking, type Cast, type Stage } from './matrix-stage.ts';
import { judgeAll, type Judged } from '../support/checker.ts';
import { FAULTS, untilAllMet, type Armed, type Fault } from '../support/fault-desk.ts';

/** One fault that meets one activity on one way through the sagas. */
export interface Cell {
  flow: string;
  activity: BookingActivity;
  fault: Fault;
  /** Of `connection-dropped`: under which statement of the call. */
  statement: number;
}

export const SCOPES = ['cover', 'full'] as const;
export type Scope = (typeof SCOPES)[number];
const STATEMENTS: Record<Scope, readonly number[]> = { cover: [1, 2], full: [1, 2, 3] };

/**
 * Every activity that the worker has for bookings × every fault; on all ways that reach it, or on
 * one, of which each gets its turn.
 */
export function cellsOf(scope: Scope): Cell[] {
  return bookingActivities().flatMap((activity) => {
    const flows = Object.keys(FLOWS).filter((name) => FLOWS[name]!.reaches.includes(activity));
    return FAULTS.flatMap((fault, turn) => {
      const chosen = scope === 'full' ? flows : flows.slice(turn % flows.length).slice(0, 1);
      const statements = fault === 'connection-dropped' ? STATEMENTS[scope] : [1];
      return chosen.flatMap((flow) =>
        statements.map((statement) => ({ flow, activity, fault, statement })),
      );
    });
  });
}

export const isKill = ({ fault }: Cell): boolean => fault.startsWith('killed');
export const nameOf = ({ flow, activity, fault, statement }: Cell): string =>
  `${flow}: ${activity} ${fault}${statement > 1 ? ` at statement ${statement}` : ''}`;

/** A cell under way. */
export interface Trial {
  cell: Cell;
  cast: Cast;
  armed: Armed;
  /** Why it did not come through; null when it did, undefined while it is under way. */
  ended: () => string | null | undefined;
  going: Promise<void>;
}

export interface Verdict {
  name: string;
  bookingId: string;
  state: string | null;
  wrong: string[];
}

async function prepare(stage: Stage, cell: Cell): Promise<Trial> {
  const { activity, fault, statement } = cell;
  const cast = await FLOWS[cell.flow]!.prepare(stage);
  const armed = stage.desk.arm({ bookingId: cast.suspect.id, activity }, { fault, statement });
  return { cell, cast, armed, ended: () => undefined, going: Promise.resolve() };
}

function start(trial: Trial): Trial {
  let ended: string | null | undefined;
  trial.ended = () => ended;
  trial.going = trial.cast.go().then(
    () => void (ended = null),
    (error: unknown) => void (ended = error instanceof Error ? error.message : String(error)),
  );
  return trial;
}

const AT_ONCE = 12;

/** Runs an act for each, a few at a time. */
export async function fewAtATime<T, R>(
  items: readonly T[],
  act: (item: T) => Promise<R>,
): Promise<R[]> {
  const done: R[] = [];
  let next = 0;
  const runner = async () => {
    for (let n = next++; n < items.length; n = next++) done[n] = await act(items[n]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
  return done;
}

/** All are ready before their first fault: a busy machine is no part of what is looked at. */
export const prepareAll = (stage: Stage, cells: readonly Cell[]): Promise<Trial[]> =>
  fewAtATime(cells, (cell) => prepare(stage, cell));

/** What takes a minute or more of waiting, whatever else goes on meanwhile. */
export const isLong = ({ flow, fault }: Cell): boolean =>
  fault === 'fails-for-good' || FLOWS[flow]!.slow === true;

/** Faults that the worker lives through and that pass by themselves. */
export async function runQuick(stage: Stage, trials: readonly Trial[]): Promise<Verdict[]> {
  await fewAtATime(trials, (trial) => start(trial).going);
  return judged(stage, trials);
}

/** And those that do not, all at once: what goes on being tried has to call a person. */
export async function runLong(stage: Stage, trials: readonly Trial[]): Promise<Verdict[]> {
  const stated = await Promise.all(
    trials.map(async (trial) => {
      start(trial);
      if (trial.cell.fault === 'fails-for-good') return throughForGood(stage, trial);
      await trial.going;
      return true;
    }),
  );
  const verdicts = await judged(stage, trials);
  return verdicts.map((verdict, n) =>
    stated[n]
      ? verdict
      : { ...verdict, wrong: ['was tried again and again unseen', ...verdict.wrong] },
  );
}

/** A worker that is killed meanwhile begins to count anew. */
const STATED_WITHIN_MS = 220_000;
/** Longer than any retry waits: what was not tried for so long was given up. */
const GIVEN_UP_MS = 63_000;
/** Refused, it leaves nothing but the search attribute to tell. */
const IS_THE_CALL: BookingActivity = 'callPerson';

/**
 * Until it ended or called a person, if it does; then the fault is lifted, and the person has it
 * tried again.
 */
async function throughForGood({ holdfast, found }: Stage, trial: Trial): Promise<boolean> {
  const { cast, cell, armed } = trial;
  const path = `/bookings/${cast.suspect.id}`;
  const deadline = Date.now() + STATED_WITHIN_MS;
  let isStated = false;
  let calls: string[] = [];
  for (; !isStated && Date.now() < deadline; await pause(1_000)) {
    const { status, body } = await readBooking(holdfast, cast.suspect.id);
    if (status === 200) calls = (body.attentions as string[]).filter(isStuck);
    const isOver = status === 200 && !['held', 'paying', 'confirmed'].includes(body.state);
    const hasEnded = trial.ended() !== undefined || isOver;
    // A way may have a call of its own before it comes to its fault.
    const isCalled =
      cell.activity === IS_THE_CALL ? await found(cast.suspect.id) : calls.length > 0;
    isStated = (isCalled && armed.met() > 0) || (hasEnded && armed.quietMs() > GIVEN_UP_MS);
  }
  armed.lift();
  for (const attention of calls)
    await insist(holdfast, `${path}/resolve`, { decision: 'retry', attention });
  await trial.going;
  return isStated;
}

const isStuck = (call: string): boolean => call.startsWith('stuck-');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Those whose fault is met only after a minute begin early, so that they stand when the others do. */
export const begin = async (stage: Stage, cells: readonly Cell[]): Promise<Trial[]> =>
  (await prepareAll(stage, cells)).map(start);

/** One kill hits bookings that stand at all activities at once. */
export async function runKill(
  stage: Stage,
  cells: readonly Cell[],
  begun: readonly Trial[] = [],
): Promise<Verdict[]> {
  if (cells.length + begun.length === 0) return [];
  const trials = [...(await prepareAll(stage, cells)).map(start), ...begun];
  const armed = new Map(trials.map(({ cell, armed: one }) => [nameOf(cell), one]));
  const absent = await untilAllMet(armed, { standing: true, timeoutMs: 90_000 });
  await stage.holdfast.worker.stop('SIGKILL');
  for (const one of armed.values()) one.lift();
  await stage.holdfast.startWorker();
  await Promise.all(trials.map(({ going }) => going));
  const verdicts = await judged(stage, trials);
  return verdicts.map((verdict) =>
    absent.includes(verdict.name)
      ? { ...verdict, wrong: ['did not stand there when the worker was killed', ...verdict.wrong] }
      : verdict,
  );
}

const SETTLED_WITHIN_MS = 40_000;

/** By the laws, once nothing moves any more; and whether each fault was met at all. */
async function judged({ holdfast }: Stage, trials: readonly Trial[]): Promise<Verdict[]> {
  const suspectOf = ({ cell, cast }: Trial) => ({
    ...cast.suspect,
    expected: cell.fault === 'fails-for-good' ? [cast.goal, ...cast.orElse] : cast.goal,
  });
  const found = new Map<string, Judged>();
  const deadline = Date.now() + SETTLED_WITHIN_MS;
  for (let left = trials.map(suspectOf); left.length > 0; await pause(500)) {
    for (const one of await judgeAll(holdfast, left)) found.set(one.id, one);
    left = left.filter(({ id }) => found.get(id)!.wrong.length > 0);
    if (Date.now() > deadline) break;
  }
  return trials.map(({ cell, cast, armed, ended }) => {
    const { state, wrong } = found.get(cast.suspect.id)!;
    const why = cell.fault === 'fails-for-good' ? null : (ended() ?? null);
    return {
      name: nameOf(cell),
      bookingId: cast.suspect.id,
      state,
      wrong: [
        ...(armed.met() === 0 ? ['its fault was never met'] : []),
        ...(why === null ? [] : [why]),
        ...wrong,
      ],
    };
  });
}

/** What was run, for whoever reads the log. */
export function summaryOf(cells: readonly Cell[], verdicts: readonly Verdict[]): string {
  const many = (of: (cell: Cell) => string) => new Set(cells.map(of)).size;
  return (
    `fault matrix: ${many(({ activity }) => activity)} activities × ${many(({ fault }) => fault)} faults` +
    ` on ${many(({ flow }) => flow)} ways, ${cells.length} cells;` +
    ` ${verdicts.length} bookings judged, ${verdicts.filter(({ wrong }) => wrong.length > 0).length} wrong`
  );
}
