import { z } from 'zod';
import type { Resolution } from '../../commands.ts';
import { nothingLeft, otherWay } from '../../domain/attention.ts';
import { findBooking, type StoredBooking } from '../../store/booking-reads.ts';
import { resolveByHand } from '../../store/bookings.ts';
import { asking } from '../commands.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { claimOf } from '../idempotency.ts';
import { uuidV5 } from '../identity.ts';
import { notFound, Problem } from '../problem.ts';
import type { Answer } from '../route.ts';
import { route } from '../route.ts';
import { Booking, Resolving } from '../schemas/booking.ts';
import { Empty, Id } from '../schemas/common.ts';
import { showBooking } from '../show-booking.ts';

const tag = 'Bookings';
const params = z.strictObject({ bookingId: Id });

interface Ref {
  tenantId: string;
  bookingId: string;
}

export const bookingVerbRoutes = [
  route({
    method: 'post',
    path: '/v1/bookings/{bookingId}/extend',
    id: 'extendHold',
    tag,
    summary: 'Make a hold longer',
    about:
      "By its resource's rule: so often, by so much, and never beyond its start. Also while it is being paid. One Idempotency-Key is one extension.",
    scopes: ['bookings:write'],
    idempotent: true,
    params,
    body: Empty,
    bodyExample: {},
    answer: { status: 200, about: 'The booking with its new `holdExpiresAt`.', schema: Booking },
    problems: ['not-found', 'not-extendable', 'unavailable'],
    async handle(input, deps) {
      const ref = { tenantId: input.caller.tenantId, bookingId: input.params.bookingId };
      const { key } = claimOf(input);
      await load(ref, deps);
      const extensionId = uuidV5(`hold-extension/${ref.tenantId}/${ref.bookingId}`, key);
      const answer = await asking(deps.commands.extendHold({ ...ref, extensionId }));
      if (answer.kind === 'not-extendable')
        throw new Problem('not-extendable', { more: { reason: answer.reason } });
      return show(ref, deps);
    },
  }),
  route({
    method: 'post',
    path: '/v1/bookings/{bookingId}/resolve',
    id: 'resolveBooking',
    tag,
    summary: 'Decide about a booking that needs attention',
    about:
      'For each of `attentions`: `retry` does at once what is to be done again, or says in a `settled-otherwise` what to do instead; `resolved-by-hand` says that it was done elsewhere, with what, and it is left alone from then on. Both are in the journal or in the workflow, with the key that said so. Nothing is resolved twice.',
    scopes: ['admin'],
    params,
    body: Resolving,
    bodyExample: {
      decision: 'resolved-by-hand',
      attention: 'stuck-return-payment',
      reason: 'refunded at the service, case 4711',
    },
    answer: { status: 200, about: 'The booking as it is now.', schema: Booking },
    problems: ['not-found', 'nothing-to-resolve', 'settled-otherwise', 'unavailable'],
    async handle({ caller, params, body }, deps) {
      const ref = { tenantId: caller.tenantId, bookingId: params.bookingId };
      const before = await load(ref, deps);
      const attention = attentionMeant(before, body.attention);
      const instead = otherWay(attention, body.decision);
      if (instead !== null) throw new Problem('settled-otherwise', { detail: instead });
      const by = { by: caller.keyId, attention };
      const resolution: Resolution =
        body.decision === 'retry'
          ? { kind: 'retry', ...by }
          : { kind: 'resolved-by-hand', reason: body.reason!, ...by };
      const answer = await asking(deps.commands.resolveBooking({ ...ref, resolution }));
      if (answer.kind === 'at-work' && attention.startsWith('stuck-'))
        throw new Problem('nothing-to-resolve', {
          detail:
            'This step is still being tried and nobody can do it by hand: put right what stands in its way, and it goes on by itself.',
          more: { attentions: before.attentions },
        });
      if (answer.kind !== 'resolved')
        await resolveWithoutRun(deps, ref, { ...resolution, attention });
      return show(ref, deps);
    },
  }),
];

/** Which of the calls that stand: the one named, or the only one. */
function attentionMeant({ attentions }: StoredBooking, named: string | undefined): string {
  const meant = named ?? (attentions.length === 1 ? attentions[0] : undefined);
  if (meant !== undefined && attentions.includes(meant)) return meant;
  throw new Problem('nothing-to-resolve', { more: { attentions } });
}

/** Nobody is at work on it: the row is told. */
async function resolveWithoutRun(
  { database: { pool } }: ApiDependencies,
  ref: Ref,
  resolution: Resolution & { attention: string },
): Promise<void> {
  const { attention, by } = resolution;
  if (resolution.kind === 'retry') throw noRetry(attention);
  await resolveByHand(pool, { ...ref, attention, by, reason: resolution.reason });
}

/** Taken back meanwhile, unless there is nothing left to be tried. */
function noRetry(attention: string): Problem {
  const detail = nothingLeft(attention);
  return detail === null
    ? new Problem('nothing-to-resolve')
    : new Problem('settled-otherwise', { detail });
}

async function load(ref: Ref, { database }: ApiDependencies): Promise<StoredBooking> {
  const row = await findBooking(database, ref);
  if (!row) throw notFound('booking');
  return row;
}

async function show(ref: Ref, deps: ApiDependencies): Promise<Answer> {
  return { body: showBooking(await load(ref, deps), ref.tenantId) };
}
