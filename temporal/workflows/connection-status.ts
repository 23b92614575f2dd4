import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import { CONNECTION_ADVICE, type ConnectionStatus } from '../../src/domain/connection.ts';
import type { ConnectionCarried, ConnectionInput } from '../contracts/connection.ts';
import { ledger } from './connection-activities.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/names.ts';

const statusKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD');

/** What an operator reads in Temporal UI. The search attribute moves only when the status does. */
export function showStatus(input: ConnectionInput, now: ConnectionCarried): void {
  setCurrentDetails(
    [
      `**${now.status}**: ${CONNECTION_ADVICE[now.status]}`,
      `- channel ${input.channel}, resource ${input.resourceId}`,
      `- ${now.passes} passes, ${now.failures} failures in a row, position ${now.cursorVersion}`,
      `- ${now.watched ? 'notified by the channel' : 'polled'}, next look ${new Date(now.nextPassAt).toISOString()}`,
    ].join('\n'),
  );
  if (now.shownStatus === now.status) return;
  now.shownStatus = now.status;
  upsertSearchAttributes([{ key: statusKey, value: now.status }]);
}

/** Keeps how the connection stands in its row, and shows it. */
export async function enter(
  input: ConnectionInput,
  now: ConnectionCarried,
  next: { status: ConnectionStatus; reason: string | null },
): Promise<void> {
  const { tenantId, connectionId } = input;
  await ledger.recordStatus({ tenantId, connectionId, ...next });
  now.status = next.status;
  showStatus(input, now);
}
