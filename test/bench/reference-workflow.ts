import { proxyActivities } from '@temporalio/workflow';
import type { NoOps } from './reference-worker.ts';

const { first, second, third } = proxyActivities<NoOps>({ startToCloseTimeout: '10 seconds' });

/** The bare workflow that everything durable is compared with: three activities that do nothing. */
export async function bare(): Promise<void> {
  await first();
  await second();
  await third();
}
