import fc from 'fast-check';
import { asTenant } from '../support/crowd.ts';
import type { Holdfast } from '../support/holdfast.ts';
import { judgeHouse } from '../support/house-laws.ts';
import { bookingCommands } from './booking-commands.ts';
import { emptyModel } from './booking-model.ts';
import { isUsedUp, judgeRun, openRun, openWorld, type World } from './booking-world.ts';

export interface RunsAsk {
  tenants: number;
  /** Whichever comes first ends it. */
  forMs: number;
  attempts: number;
  seed: number;
  /** Of a failure, to see it again: as it was printed. */
  again: { path: string; replayPath: string } | null;
}

export interface RunsReport {
  runs: number;
  attempts: number;
  seeds: number[];
  /** What failed first, made as short as time allowed, and how to see it again. */
  failures: string[];
}

const RUNS_PER_SEED = 20;
const MOST_COMMANDS = 30;

/** Plays the same commands to the model and to the service, tenant beside tenant, seed after seed. */
export async function playBookings(holdfast: Holdfast, ask: RunsAsk): Promise<RunsReport> {
  const report: RunsReport = { runs: 0, attempts: 0, seeds: [], failures: [] };
  const endsAt = performance.now() + ask.forMs;
  let seed = ask.seed;
  const isOver = () =>
    performance.now() > endsAt ||
    report.attempts >= ask.attempts ||
    report.failures.length > 0 ||
    (ask.again !== null && seed > ask.seed);
  const play = async (name: string) => {
    const tenant = await asTenant(holdfast, name);
    const stage = stageOf(tenant, report);
    while (!isOver()) {
      report.seeds.push(seed);
      await playSeed(stage, { ask, report, seed: seed++, leftMs: endsAt - performance.now() });
    }
    report.failures.push(...(await judgeHouse(tenant)));
  };
  const tenants = ask.again ? 1 : ask.tenants;
  const names = Array.from({ length: tenants }, (_, n) => `t-model-${n}-${Date.now()}`);
  await Promise.all(names.map(play));
  return report;
}

/** The world of the tenant's next run: another one when all its days were used. */
function stageOf(tenant: Holdfast, report: RunsReport): () => Promise<World> {
  let world: World | null = null;
  let counted = 0;
  return async () => {
    if (!world || isUsedUp(world)) {
      world = await openWorld(tenant);
      counted = 0;
    }
    report.attempts += world.attempts - counted;
    counted = world.attempts;
    return world;
  };
}

async function playSeed(
  stage: () => Promise<World>,
  playing: { ask: RunsAsk; report: RunsReport; seed: number; leftMs: number },
): Promise<void> {
  const { ask, report, seed, leftMs } = playing;
  const commands = fc.commands(bookingCommands, {
    maxCommands: MOST_COMMANDS,
    size: 'max' as const,
    ...(ask.again && { replayPath: ask.again.replayPath }),
  });
  const property = fc.asyncProperty(commands, async (chosen) => {
    const real = await openRun(await stage());
    const model = emptyModel();
    report.runs += 1;
    await fc.asyncModelRun(() => ({ model, real }), chosen);
    await judgeRun(model, real);
  });
  const details = await fc.check(property, {
    seed,
    numRuns: RUNS_PER_SEED,
    interruptAfterTimeLimit: Math.max(leftMs, 1),
    ...(ask.again && { path: ask.again.path }),
  });
  if (!details.failed || details.counterexamplePath === null) return;
  report.failures.push(messageOf(details, seed));
}

function messageOf<T>(details: fc.RunDetails<T>, seed: number): string {
  const { counterexample, counterexamplePath, errorInstance, numShrinks } = details;
  // The commands tell themselves which of them were run.
  const text = String(counterexample);
  const replayPath = /replayPath="([^"]*)"/.exec(text)?.[1] ?? '';
  const error = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return [
    `after ${numShrinks} shrinks: ${text}`,
    error,
    `again: npm run chaos -- --only bookings --seed ${seed} --path '${counterexamplePath}' --replay '${replayPath}'`,
  ].join('\n');
}
