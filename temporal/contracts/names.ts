/** The only place where workflow ids, task queues and search attributes get their names. */
export const connectionWorkflowId = (key: { tenantId: string; connectionId: string }): string =>
  `connection/${key.tenantId}/${key.connectionId}`;

export const bookingWorkflowId = (ref: { tenantId: string; bookingId: string }): string =>
  `booking/${ref.tenantId}/${ref.bookingId}`;

export const changeWorkflowId = (ref: {
  tenantId: string;
  bookingId: string;
  changeId: string;
}): string => `booking-change/${ref.tenantId}/${ref.bookingId}/${ref.changeId}`;

export const settleWorkflowId = (ref: { tenantId: string; bookingId: string }): string =>
  `booking-settle/${ref.tenantId}/${ref.bookingId}`;

/** Calls to a channel have a queue of their own, so that one slow channel starves no other. */
export const channelQueue = (taskQueue: string, channel: string): string =>
  `${taskQueue}-${channel}`;

/** Whose share of a queue a task is taken from; the server allows 64 bytes. */
export const fairnessKey = (tenantId: string): string =>
  tenantId.replaceAll(/[^\w.-]/g, '_').slice(0, 64);

export const SEARCH_ATTRIBUTES = {
  tenant: 'HoldfastTenant',
  resource: 'HoldfastResource',
  channel: 'HoldfastChannel',
  status: 'HoldfastStatus',
  attention: 'HoldfastAttention',
} as const;
