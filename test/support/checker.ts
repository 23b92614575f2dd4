import { foldEffects, readEffects, type MoneyRecord } from './effects.ts';
import { until, type Holdfast } from './holdfast.ts';

/**
 * Judges bookings from outside: what Stripe's and Google's emulators recorded, and what the public
 * API says. It knows nothing of rows, workflows or activities.
 */
export interface Facts {
  /** As the API shows it; null where it never came to be. */
  booking: {
    state: string;
    attentions: string[];
    startAt: string;
    endAt: string;
    amountMinor: number;
    owedMinor: number;
    payment: { kind: string; status: string | null };
  } | null;
  /** What the API says of all its payments together. */
  saidMinor: number;
  /** The keys of refunds that the API tells of. */
  refundKeys: string[];
  /** Of every intent at Stripe that names the booking. */
  money: MoneyRecord;
  /** Live events at Google that name the booking; null where no calendar is to show it. */
  mirrors: { startAt: string; endAt: string }[] | null;
  /** Whether availability offers its span; null where others may take it too. */
  offered: boolean | null;
  expected?: Expected;
}

/** What is known of a booking besides; without it all of its price is kept, or nothing. */
export interface Expected {
  state?: string;
  keptMinor?: number;
  /** The most that it may ever have cost. */
  priceMinor?: number;
  startAt?: string;
  /** How many payments may be captured. */
  charges?: number;
  attention?: string;
  /** It may have been refused before there was anything to read. */
  mayBeMissing?: boolean;
}

const ENDED = ['expired', 'declined', 'cancelled'];
const isCharged = (kind: string): boolean => kind === 'method' || kind === 'browser';

/** What is wrong; empty when the booking is confirmed and paid, or released and not charged. */
export function judge(facts: Facts): string[] {
  const { booking, expected = {} } = facts;
  const wrong = judgeMoney(facts);
  const calls = (booking?.attentions ?? []).filter((call) => call !== expected.attention);
  if (calls.length > 0) wrong.push(`a person is called: ${calls.join(', ')}`);
  if (!booking && !expected.mayBeMissing) wrong.push('never came to be');
  if (booking && expected.state && booking.state !== expected.state)
    wrong.push(`${booking.state}, and should be ${expected.state}`);
  if (booking && expected.startAt && Date.parse(booking.startAt) !== Date.parse(expected.startAt))
    wrong.push(`at ${booking.startAt}, and should be at ${expected.startAt}`);
  if (booking?.state === 'confirmed') return [...wrong, ...judgeConfirmed(facts)];
  if (booking && !ENDED.includes(booking.state)) wrong.push(`still ${booking.state}`);
  if (facts.mirrors && facts.mirrors.length > 0) wrong.push('still in the calendar');
  if (facts.offered === false) wrong.push('its span is not offered again');
  return wrong;
}

function judgeMoney({ booking, money, expected = {}, ...facts }: Facts): string[] {
  const wrong = [...money.doubled];
  const charged = booking !== null && isCharged(booking.payment.kind);
  const usualMinor = charged && booking.state === 'confirmed' ? booking.amountMinor : 0;
  const dueMinor = expected.keptMinor ?? usualMinor;
  const { keptMinor, openMinor, mostKeptMinor, captures, refunds } = money;
  if (keptMinor !== dueMinor) wrong.push(`${keptMinor} kept of ${dueMinor} due`);
  if (openMinor !== 0) wrong.push(`${openMinor} authorized and neither captured nor let go`);
  if (captures > (expected.charges ?? 1)) wrong.push('captured twice');
  const priceMinor = expected.priceMinor ?? booking?.amountMinor ?? 0;
  if (mostKeptMinor > priceMinor) wrong.push(`${mostKeptMinor} was kept at a time`);
  // A key may be the next of its series.
  const foreign = refunds.filter(
    ({ key }) => !facts.refundKeys.some((ours) => key === ours || key?.startsWith(`${ours}~`)),
  );
  if (foreign.length > 0) wrong.push(`refunds that are not ours: ${JSON.stringify(foreign)}`);
  if (!charged) return wrong;
  if (booking.owedMinor !== keptMinor) wrong.push(`owed ${booking.owedMinor}, kept ${keptMinor}`);
  if (facts.saidMinor !== keptMinor) wrong.push(`the API says ${facts.saidMinor} is kept`);
  return wrong;
}

function judgeConfirmed({ booking, mirrors, offered, expected = {} }: Facts): string[] {
  const { payment, amountMinor, startAt, endAt } = booking!;
  const wrong: string[] = [];
  const isUsual = expected.keptMinor === undefined && (expected.charges ?? 1) === 1;
  if (isUsual && isCharged(payment.kind) && amountMinor > 0 && payment.status !== 'captured')
    wrong.push(`the API says ${payment.status}`);
  if (mirrors && mirrors.length !== 1) wrong.push(`${mirrors.length} events in the calendar`);
  const [mirror] = mirrors ?? [];
  const same = (one: string, other: string) => Date.parse(one) === Date.parse(other);
  if (mirror && !(same(mirror.startAt, startAt) && same(mirror.endAt, endAt)))
    wrong.push('its event has another span');
  if (offered === true) wrong.push('its span is offered');
  return wrong;
}

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
  /** Or one of several ways in which it may end. */
  expected?: Expected | readonly Expected[];
  /** Others may take its span too. */
  isShared?: boolean;
}

const AT_ONCE = 8;

export async function judgeAll(
  holdfast: Holdfast,
  suspects: readonly Suspect[],
): Promise<Judged[]> {
  const effects = await readEffects(holdfast);
  const calendarIds = [...new Set(suspects.flatMap(({ calendarId }) => calendarId ?? []))];
  const calendars = new Map(
    await Promise.all(calendarIds.map(async (id) => [id, await liveEvents(holdfast, id)] as const)),
  );
  const judged: Judged[] = [];
  for (let from = 0; from < suspects.length; from += AT_ONCE)
    judged.push(
      ...(await Promise.all(
        suspects.slice(from, from + AT_ONCE).map(async (suspect): Promise<Judged> => {
          const told = await toldOf(holdfast, suspect);
          const events = calendars.get(suspect.calendarId ?? '');
          const facts: Omit<Facts, 'expected'> = {
            ...told,
            money: foldEffects(effects.get(suspect.id) ?? []),
            mirrors:
              events?.filter(({ names }) => names.some((name) => name.startsWith(suspect.id))) ??
              null,
          };
          const wrong = leastWrong(facts, [suspect.expected ?? {}].flat());
          return { id: suspect.id, state: told.booking?.state ?? null, wrong };
        }),
      )),
    );
  return judged;
}

const leastWrong = (facts: Omit<Facts, 'expected'>, ways: readonly Expected[]): string[] =>
  ways
    .map((expected) => judge({ ...facts, expected }))
    .reduce((least, wrong) => (wrong.length < least.length ? wrong : least));

/** What the public API says of a booking. */
async function toldOf(holdfast: Holdfast, suspect: Suspect) {
  const answer = await holdfast.call('GET', `/bookings/${suspect.id}`);
  const booking = answer.status === 404 ? null : (answer.body as NonNullable<Facts['booking']>);
  const span = { ...suspect, ...(booking && { startAt: booking.startAt, endAt: booking.endAt }) };
  const offered = suspect.isShared ? null : await isOffered(holdfast, span);
  if (!booking) return { booking, offered, saidMinor: 0, refundKeys: [] };
  const [payments, refunds] = await Promise.all([
    holdfast.call('GET', `/bookings/${suspect.id}/payments`),
    holdfast.call('GET', `/bookings/${suspect.id}/refunds`),
  ]);
  const paid = payments.body.items as { capturedMinor: number; refundedMinor: number }[];
  return {
    booking,
    offered,
    saidMinor: paid.reduce((sum, one) => sum + one.capturedMinor - one.refundedMinor, 0),
    refundKeys: (refunds.body.items as { key: string }[]).map(({ key }) => key),
  };
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
