import { until, type Holdfast } from './holdfast.ts';

/**
 * Judges bookings from outside: what Stripe's and Google's emulators recorded, and what the public
 * API says. It knows nothing of rows, workflows or activities.
 */
export interface Facts {
  /** As the API shows it; null where it never came to be. */
  booking: {
    state: string;
    attention: string | null;
    startAt: string;
    endAt: string;
    amountMinor: number;
    payment: { kind: string; status: string | null; capturedMinor: number; refundedMinor: number };
  } | null;
  /** Every intent at Stripe that names the booking. */
  intents: LedgerLine[];
  /** Live events at Google that name the booking; null where no calendar is to show it. */
  mirrors: { startAt: string; endAt: string }[] | null;
  /** Whether availability offers the span; null where others may take it too. */
  offered: boolean | null;
  /** It may have been refused before there was anything to read. */
  mayBeMissing?: boolean;
}

export interface LedgerLine {
  metadata: Record<string, string>;
  authorizedMinor: number;
  capturedMinor: number;
  releasedMinor: number;
  refundedMinor: number;
  authorizations: number;
  captures: number;
}

const ENDED = ['expired', 'declined', 'cancelled'];

/** What is wrong; empty when the booking is confirmed and paid, or released and not charged. */
export function judge(facts: Facts): string[] {
  const { booking } = facts;
  const open = sum(facts, (line) => line.authorizedMinor - line.capturedMinor - line.releasedMinor);
  const keptMinor = sum(facts, (line) => line.capturedMinor - line.refundedMinor);
  const wrong = booking?.state === 'confirmed' ? judgeConfirmed(facts) : [];
  if (open !== 0) wrong.push(`${open} authorized and neither captured nor let go`);
  if (booking?.attention) wrong.push(`a person is called: ${booking.attention}`);
  if (booking?.state === 'confirmed') return wrong;
  if (!booking && !facts.mayBeMissing) wrong.push('never came to be');
  if (booking && !ENDED.includes(booking.state)) wrong.push(`still ${booking.state}`);
  if (keptMinor !== 0) wrong.push(`${keptMinor} kept without a booking`);
  const saidMinor = booking ? booking.payment.capturedMinor - booking.payment.refundedMinor : 0;
  if (booking?.payment.kind === 'method' && saidMinor !== 0)
    wrong.push(`the API says ${saidMinor} is kept`);
  if (facts.mirrors && facts.mirrors.length > 0) wrong.push('still in the calendar');
  if (facts.offered === false) wrong.push('its span is not offered again');
  return wrong;
}

function judgeConfirmed(facts: Facts): string[] {
  const booking = facts.booking!;
  const { payment } = booking;
  const dueMinor = payment.kind === 'method' ? booking.amountMinor : 0;
  const wrong: string[] = [];
  const keptMinor = sum(facts, (line) => line.capturedMinor - line.refundedMinor);
  if (keptMinor !== dueMinor) wrong.push(`${keptMinor} kept of ${dueMinor} due`);
  if (sum(facts, (line) => line.captures) > 1) wrong.push('captured twice');
  if (sum(facts, (line) => line.authorizations) > 1) wrong.push('authorized twice');
  if (dueMinor > 0 && payment.status !== 'captured') wrong.push(`the API says ${payment.status}`);
  if (facts.mirrors && facts.mirrors.length !== 1)
    wrong.push(`${facts.mirrors.length} events in the calendar`);
  const [mirror] = facts.mirrors ?? [];
  const same = (one: string, other: string) => Date.parse(one) === Date.parse(other);
  if (mirror && !(same(mirror.startAt, booking.startAt) && same(mirror.endAt, booking.endAt)))
    wrong.push('its event has another span');
  if (facts.offered === true) wrong.push('its span is offered');
  return wrong;
}

const sum = ({ intents }: Facts, of: (line: LedgerLine) => number): number =>
  intents.reduce((total, line) => total + of(line), 0);

export interface Judged {
  id: string;
  state: string | null;
  wrong: string[];
}

/** A booking to be judged, and where to look for it. */
export interface Suspect {
  id: string;
  resourceId: string;
  calendarId: string | null;
  startAt: string;
  endAt: string;
  mayBeMissing?: boolean;
}

export async function judgeAll(
  holdfast: Holdfast,
  suspects: readonly Suspect[],
): Promise<Judged[]> {
  const { intents } = await holdfast.control<{ intents: LedgerLine[] }>('GET', '/stripe/ledger');
  const calendarIds = [...new Set(suspects.flatMap(({ calendarId }) => calendarId ?? []))];
  const calendars = new Map(
    await Promise.all(calendarIds.map(async (id) => [id, await liveEvents(holdfast, id)] as const)),
  );
  const judged: Judged[] = [];
  for (const suspect of suspects) {
    const answer = await holdfast.call('GET', `/bookings/${suspect.id}`);
    const booking = answer.status === 404 ? null : (answer.body as Facts['booking']);
    const events = suspect.calendarId === null ? null : calendars.get(suspect.calendarId)!;
    const facts: Facts = {
      booking,
      intents: intents.filter(({ metadata }) => metadata['booking_id'] === suspect.id),
      mirrors:
        events && events.filter(({ names }) => names.some((name) => name.startsWith(suspect.id))),
      offered: await isOffered(holdfast, suspect),
      mayBeMissing: suspect.mayBeMissing ?? false,
    };
    judged.push({ id: suspect.id, state: booking?.state ?? null, wrong: judge(facts) });
  }
  return judged;
}

/** Waits until nothing is wrong with any of them; says what is, when that takes too long. */
export async function untilSettled(
  holdfast: Holdfast,
  suspects: readonly Suspect[],
  timeoutMs = 30_000,
): Promise<Judged[]> {
  await until(
    async () => (await judgeAll(holdfast, suspects)).filter(({ wrong }) => wrong.length > 0),
    (guilty) => guilty.length === 0,
    timeoutMs,
  );
  return judgeAll(holdfast, suspects);
}

interface GoogleEvent {
  status?: string;
  start?: { dateTime?: string };
  end?: { dateTime?: string };
  extendedProperties?: { private?: Record<string, string> };
}

async function liveEvents(holdfast: Holdfast, calendarId: string) {
  const { events } = await holdfast.control<{ events: GoogleEvent[] }>(
    'GET',
    `/google/calendars/${encodeURIComponent(calendarId)}/events`,
  );
  return events
    .filter(({ status }) => status !== 'cancelled')
    .map((event) => ({
      names: Object.values(event.extendedProperties?.private ?? {}),
      startAt: event.start?.dateTime ?? '',
      endAt: event.end?.dateTime ?? '',
    }));
}

export async function isOffered(
  holdfast: Holdfast,
  { resourceId, startAt, endAt }: Pick<Suspect, 'resourceId' | 'startAt' | 'endAt'>,
): Promise<boolean> {
  const minutes = (Date.parse(endAt) - Date.parse(startAt)) / 60_000;
  const { status, body } = await holdfast.call(
    'GET',
    `/resources/${resourceId}/availability?from=${startAt}&to=${endAt}&durationMinutes=${minutes}`,
  );
  if (status !== 200) throw new Error(`availability answers ${status}: ${JSON.stringify(body)}`);
  return (body as { spans: unknown[] }).spans.length > 0;
}
