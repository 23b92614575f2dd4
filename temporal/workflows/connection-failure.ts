import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import { CALENDAR_LOSSES, type ConnectionStatus } from '../../src/domain/connection.ts';
import { isLimitCode } from '../../src/domain/limits.ts';

/** What a failed activity says of the channel. */
const failureOf = (error: unknown): ApplicationFailure | null => {
  const failure = error instanceof ActivityFailure ? error.cause : error;
  return failure instanceof ApplicationFailure ? failure : null;
};

export const kindOf = (error: unknown): string => failureOf(error)?.type ?? 'unavailable';

/** The kind of failure, or what is known of the calendar itself, or which limit it waits for. */
export function reasonOf(error: unknown): string {
  const code = failureOf(error)?.details?.[0];
  if (isLimitCode(code)) return code;
  return CALENDAR_LOSSES.find((loss) => loss === code) ?? kindOf(error);
}

/** How long the channel asked to be left alone, or until our turn at it; 0 where nobody said. */
export function askedMs(error: unknown): number {
  const waitMs = failureOf(error)?.details?.[1];
  return typeof waitMs === 'number' ? waitMs : 0;
}

const STATUS_OF: Partial<Record<string, ConnectionStatus>> = {
  unauthorized: 'needs-reauthorization',
  'not-found': 'failing',
  invalid: 'failing',
  conflict: 'failing',
  'cursor-lost': 'failing',
};

export const statusOf = (kind: string): ConnectionStatus => STATUS_OF[kind] ?? 'lagging';

export function unlessBug(error: unknown): void {
  if (!(error instanceof ActivityFailure)) throw error;
}
