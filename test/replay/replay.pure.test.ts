import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { textOf } from '../support/history.ts';
import { readHistories, type NamedHistory } from './histories.ts';
import { codeAt, currentCode, failuresOf, type Bundle } from './replaying.ts';

/** Runs begun under earlier code go on under this one: it must give the same commands. */
const histories = readHistories();
let current: Bundle;
beforeAll(async () => {
  current = await currentCode();
}, 60_000);

const typesOf = ({ history }: NamedHistory): string[] =>
  history.events.map(({ eventType }) => String(eventType));

it('there are histories of every workflow, and of a run that was continued', () => {
  const started = histories.map(({ workflowId }) => workflowId.split('/')[0]);
  expect(new Set(started)).toEqual(
    new Set(['booking', 'booking-change', 'booking-settle', 'connection']),
  );
  const all = new Set(histories.flatMap(typesOf));
  expect(all).toContain('EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW');
  expect(all).toContain('EVENT_TYPE_ACTIVITY_TASK_FAILED');
  expect(all).toContain('EVENT_TYPE_TIMER_FIRED');
});

it('every one of them replays under the code as it is', async () => {
  expect(await failuresOf(current, histories)).toEqual({});
}, 60_000);

describe('controls', () => {
  const paid = (): NamedHistory => histories.find(({ name }) => name === 'booking-paid')!;

  it('a history with its steps in another order does not', async () => {
    const text = JSON.stringify(paid().history)
      .replaceAll('authorizePayment', 'x')
      .replaceAll('capturePayment', 'authorizePayment')
      .replaceAll('"x"', '"capturePayment"');
    const swapped = { ...paid(), history: JSON.parse(text) as NamedHistory['history'] };
    expect(await failuresOf(current, [swapped])).toEqual({
      'booking-paid': 'DeterminismViolationError',
    });
  }, 60_000);

  it('under changed code they do not', async () => {
    const changed = await codeAt(fileURLToPath(new URL('./changed-workflows.ts', import.meta.url)));
    expect(Object.keys(await failuresOf(changed, histories)).toSorted()).toEqual(
      histories.map(({ name }) => name).toSorted(),
    );
  }, 60_000);
});

it('none of them has anything of a machine or a person', () => {
  const traces = [
    /\/(work|home|root|Users|tmp|var|opt)\//,
    /pm_card|sk_test|whsec_|ya29\.|Lovelace|Dentist/,
    /\d+@[\w.-]+/,
  ];
  for (const { history } of histories) {
    const text = textOf(history);
    for (const trace of traces) expect(text).not.toMatch(trace);
    expect(text).not.toContain(`@${hostname()}`);
  }
});
