import type { Holdfast } from './holdfast.ts';

/** Laws over all of a tenant, judged by nothing but the lists of the public API. */
export async function judgeHouse(holdfast: Holdfast): Promise<string[]> {
  const bookings = (await allOf(holdfast, '/bookings?state=confirmed')) as Confirmed[];
  const entries = (await allOf(holdfast, '/journal')) as { subject: string; seq: number }[];
  return [...overlapsIn(bookings), ...gapsIn(entries)];
}

interface Confirmed {
  id: string;
  resourceId: string;
  sessionId: string | null;
  units: number[];
  startAt: string;
  endAt: string;
}

/** No two confirmed bookings of a unit overlap. */
export function overlapsIn(bookings: readonly Confirmed[]): string[] {
  const byUnit = new Map<string, Confirmed[]>();
  for (const booking of bookings.filter(({ sessionId }) => sessionId === null))
    for (const unit of booking.units) {
      const place = `${booking.resourceId} ${unit}`;
      byUnit.set(place, [...(byUnit.get(place) ?? []), booking]);
    }
  return [...byUnit].flatMap(([place, taken]) => {
    const inOrder = taken.toSorted((a, b) => Date.parse(a.startAt) - Date.parse(b.startAt));
    return inOrder.flatMap((booking, n) => {
      const before = inOrder[n - 1];
      return before && Date.parse(before.endAt) > Date.parse(booking.startAt)
        ? [`${place}: ${before.id} and ${booking.id} overlap`]
        : [];
    });
  });
}

/** A subject's entries are numbered from 1 without a gap, in the order in which they are read. */
export function gapsIn(entries: readonly { subject: string; seq: number }[]): string[] {
  const last = new Map<string, number>();
  return entries.flatMap(({ subject, seq }) => {
    const expected = (last.get(subject) ?? 0) + 1;
    last.set(subject, seq);
    return seq === expected ? [] : [`journal of ${subject}: ${seq} in place of ${expected}`];
  });
}

async function allOf(holdfast: Holdfast, path: string): Promise<unknown[]> {
  const items: unknown[] = [];
  for (let after: string | null = ''; after !== null;) {
    const query = `${path.includes('?') ? '&' : '?'}limit=200${after && `&after=${after}`}`;
    const { status, body } = await holdfast.call('GET', `${path}${query}`);
    if (status !== 200) throw new Error(`${path} answers ${status}: ${JSON.stringify(body)}`);
    const page = body as { items: unknown[]; next: string | null };
    items.push(...page.items);
    after = page.items.length === 0 ? null : page.next;
  }
  return items;
}
