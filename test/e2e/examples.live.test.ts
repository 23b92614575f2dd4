import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { addPaymentAccount, addResource, at, connectGoogle } from '../support/scene.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast();
});
afterAll(() => holdfast.stop());

async function runExample(name: string, ...args: string[]): Promise<string> {
  const { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } = holdfast.env;
  const settings = { API_URL: holdfast.apiUrl, API_KEY: holdfast.key };
  const { stdout } = await promisify(execFile)(process.execPath, [`examples/${name}.ts`, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...settings, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE },
  });
  return stdout;
}

it('a backend sells a night to an order, once however often it is run', async () => {
  await addPaymentAccount(holdfast);
  const price = { per: 'night', amountMinor: 9_000, currency: 'eur' };
  const resourceId = await addResource(holdfast, { settings: { price } });
  const night = at(100).slice(0, 10);
  const first = await runExample('backend', resourceId, night, 'order-4711');
  expect(first).toMatch(/^booking [0-9a-f-]{36}: confirmed, captured$/m);
  expect(await runExample('backend', resourceId, night, 'order-4711')).toBe(first);
  expect(await runExample('backend', resourceId, night, 'order-4712')).toContain('free instead');
});

it('a front end books one slot for two clicks and offers the next guest another', async () => {
  const resourceId = await addResource(holdfast);
  const printed = await runExample('front-end', resourceId);
  const [, id, same] = /booked (\S+): confirmed; the second click found (\S+)/.exec(printed) ?? [];
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(same).toBe(id);
  expect(printed).toContain('the next guest: 409 /problems/not-available');
});

it('an operator finds the connection that needs a person, and pauses and resumes it', async () => {
  const resourceId = await addResource(holdfast);
  const { connectionId } = await connectGoogle(holdfast, { resourceId });
  const workflowId = `connection/${holdfast.tenantId}/${connectionId}`;
  expect(await runExample('operator')).not.toContain(workflowId);
  expect(await runExample('operator', 'pause', workflowId)).toContain(': paused');
  await until(
    () => runExample('operator'),
    (printed) => printed.includes(`${workflowId}: paused`),
  );
  expect(await runExample('operator', 'resume', workflowId)).toContain(': live');
});
