import {
  WorkflowUpdateFailedError,
  type WorkflowHandle,
  type WorkflowUpdateHandle,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { changeUpdate, decideUpdate } from '../../../temporal/contracts/booking-change.ts';
import { openPlayhouse, type Act, type Playhouse } from './played-acts.ts';

let house: Playhouse;
beforeAll(async () => {
  house = await openPlayhouse();
});
afterAll(() => house.close());

/** More questions than a run has room for at once. */
const ASKED = 12;

const stuck: Act = () =>
  Promise.reject(ApplicationFailure.create({ message: 'not now', nextRetryDelay: '1 minute' }));

const ACCEPTED = { waitForStage: 'ACCEPTED' } as const;

/** Each is taken; what comes of the first. */
async function firstOfMany(
  run: WorkflowHandle,
  ask: () => Promise<WorkflowUpdateHandle<unknown>>,
): Promise<unknown> {
  const answers = [];
  for (let n = 0; n < ASKED; n += 1)
    answers.push((await ask()).result().catch((error: Error) => error));
  const first = await answers[0];
  await run.terminate();
  return first;
}

it('a change that is stuck goes on taking questions, however often its caller asks again', async () => {
  const run = await house.change(
    { kind: 'cancel', ask: { quoteId: null, keepMinor: 0 } },
    { openChange: stuck },
  );
  expect(await firstOfMany(run, () => run.startUpdate(changeUpdate, ACCEPTED))).toEqual({
    kind: 'busy',
    changeId: 'change',
  });
});

it('so does a conflict whose decision is stuck', async () => {
  const run = await house.change(
    { kind: 'conflict', ask: { connectionId: 'c', rootId: 'r' } },
    {
      weighConflict: async () => ({ kind: 'wait', for: 'person', forMs: null }),
      decideConflict: stuck,
    },
  );
  const first = await firstOfMany(run, () =>
    run.startUpdate(decideUpdate, { args: [{ keep: 'ours' }], ...ACCEPTED }),
  );
  expect(first).toBeInstanceOf(WorkflowUpdateFailedError);
});
