import { isDeepStrictEqual } from 'node:util';
import type { Host } from '../host.ts';
import type { Calendar, CalendarStore, Committed } from './calendar-store.ts';
import { GraphError, accessDenied, notFound } from './errors.ts';
import { readEvent } from './event-body.ts';
import type { Body, Writer } from './event-body.ts';
import { eventIdOf, newEventIds } from './event-ids.ts';
import { etagOf } from './event.ts';
import type { Entry, StoredEvent } from './event.ts';
import { itemAt, startedOnPattern } from './occurrences.ts';
import type { Item } from './occurrences.ts';
import type { MicrosoftSwitches } from './switches.ts';
import type { Transactions } from './transactions.ts';

export interface Writing {
  host: Host;
  store: CalendarStore;
  switches: MicrosoftSwitches;
  transactions: Transactions;
  writer: Writer;
  immutableIds: boolean;
}

/** Source: Graph reference, "Create event". */
export function createEvent(writing: Writing, calendar: Calendar, body: Body): Item {
  const { host, store, switches, transactions, writer } = writing;
  if (!calendar.canEdit && writer === 'app') throw accessDenied();
  const read = startedOnPattern(readEvent(body, undefined, writer), switches);
  const event = { ...read, change: store.nextChange() };
  const { transactionId } = event;
  if (transactionId !== undefined) {
    const used = transactions.find(calendar.account, transactionId);
    const taken = used === undefined ? undefined : store.find(used.eventId)?.entry;
    if (used !== undefined && (switches.transactionOutlivesEvent || taken?.deleted === false)) {
      const same = isDeepStrictEqual(used.body, body) && taken?.deleted === false;
      if (!same || switches.transactionReplay === 'duplicate') {
        throw duplicate(used.eventId, writing);
      }
      return itemAt(taken, undefined, switches)!;
    }
  }
  const entry = store.commit(
    {
      ...newEventIds(host),
      calendarId: calendar.id,
      seq: 0,
      visibleAtMs: 0,
      deleted: false,
      event,
      exceptions: {},
      cancelled: [],
    },
    { changeType: 'created' },
  );
  if (transactionId !== undefined) {
    transactions.keep(calendar.account, transactionId, { eventId: `${entry.id}=`, body });
  }
  return itemAt(entry, undefined, switches)!;
}

function duplicate(eventId: string, { store, switches, immutableIds }: Writing): GraphError {
  const found = store.find(eventId);
  return new GraphError(Number(switches.duplicateTransaction), 'ErrorDuplicateTransactionId', {
    message:
      "Your request can't be completed. The TransactionId was used to create another event before.",
    more:
      found === undefined
        ? {}
        : { '@event.existingEventId': eventIdOf(found.entry, undefined, immutableIds) },
  });
}

interface Target {
  eventId: string;
  ifMatch: string | undefined;
}

/** Source: Graph reference, "Update event". A changed occurrence becomes an exception. */
export function updateEvent(writing: Writing, target: Target, body: Body): Item {
  const { store, switches, writer } = writing;
  const { type, entry, event: base, wallMs } = writable(writing, target);
  const event = { ...readEvent(body, base, writer), change: store.nextChange() };
  const what: Omit<Committed, 'entry'> = { changeType: 'updated', wallMs };
  if (wallMs !== undefined) {
    const { recurrence: _, ...own } = event;
    const exceptions = { ...entry.exceptions, [wallMs]: own };
    const master = type === 'exception' ? entry.event : touched(entry.event, store);
    const changed = store.commit({ ...entry, event: master, exceptions }, what);
    return itemAt(changed, wallMs, switches)!;
  }
  const started = startedOnPattern(event, switches);
  // A series that repeats otherwise than before loses what was done to its occurrences.
  const kept = sameSeries(entry.event, started) ? {} : { exceptions: {}, cancelled: [] };
  return itemAt(store.commit({ ...entry, event: started, ...kept }, what), undefined, switches)!;
}

/** Source: Graph reference, "Delete event". Of an occurrence only itself goes. */
export function deleteEvent(writing: Writing, target: Target): void {
  const { store, switches } = writing;
  const { entry, wallMs } = writable(writing, target);
  if (wallMs === undefined) {
    store.commit({ ...entry, deleted: true }, { changeType: 'deleted' });
    return;
  }
  const exceptions = { ...entry.exceptions };
  delete exceptions[wallMs];
  const unreported = switches.occurrenceDeletion === 'unreported';
  const event = unreported ? entry.event : touched(entry.event, store);
  const cancelled = [...entry.cancelled, wallMs];
  store.commit({ ...entry, event, exceptions, cancelled }, { changeType: 'deleted', wallMs });
}

function writable({ store, switches, writer }: Writing, { eventId, ifMatch }: Target): Item {
  const found = store.find(eventId);
  const item = found === undefined ? undefined : itemAt(found.entry, found.wallMs, switches);
  if (item === undefined) throw notFound();
  const calendar = store.calendars.get(item.entry.calendarId);
  if (writer === 'app' && calendar?.canEdit !== true) throw accessDenied();
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== etagOf(item.event)) {
    throw new GraphError(412, switches.preconditionCode, {
      message: 'The send or update operation could not be performed because the change key is old.',
    });
  }
  return item;
}

function touched(event: StoredEvent, store: CalendarStore): StoredEvent {
  return { ...event, change: store.nextChange(), modifiedAt: new Date().toISOString() };
}

function sameSeries(before: Entry['event'], after: Entry['event']): boolean {
  const times = ({ start, end, isAllDay, recurrence }: StoredEvent) => [
    start,
    end,
    isAllDay,
    recurrence,
  ];
  return isDeepStrictEqual(times(before), times(after));
}
