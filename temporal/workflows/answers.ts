import {
  CancellationScope,
  condition,
  type WorkflowInterceptorsFactory,
} from '@temporalio/workflow';

/** Conditions that news may go through one after another before an answer of the same task. */
const ROUNDS = 20;

/**
 * A local activity may be tried over several workflow tasks, and its answer then comes by itself,
 * after whatever else its task brought has been dealt with. Replayed, a task brings all at once, and
 * the SDK would command what follows in another order than history has it. So answers wait for what
 * came with them, and for each other.
 */
export const interceptors: WorkflowInterceptorsFactory = () => {
  let inCompany = new Set<number>();
  let last: Promise<void> = Promise.resolve();
  return {
    internals: [
      {
        activate(input, next) {
          const jobs = input.activation.jobs ?? [];
          const answers = jobs.flatMap(({ resolveActivity }) =>
            resolveActivity?.isLocal ? [resolveActivity.seq!] : [],
          );
          inCompany = new Set(jobs.length > 1 ? answers : []);
          next(input);
        },
      },
    ],
    outbound: [
      {
        async scheduleLocalActivity(input, next) {
          try {
            return await next(input);
          } finally {
            if (inCompany.delete(input.seq)) await (last = last.then(untilQuiet));
          }
        },
      },
    ],
  };
};

const untilQuiet = (): Promise<void> =>
  CancellationScope.nonCancellable(async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      let isAskedAgain = false;
      // Looked at when it is made, and once more when all that can go on has done so.
      await condition(() => isAskedAgain || ((isAskedAgain = true), false));
    }
  });
