import type { Channel, ListedCalendar } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import { Failure } from '../../src/domain/failure.ts';
import { nameSealOf, noteCalendars, takeCalendarCheck } from '../../src/store/calendars.ts';
import type { OpenPass } from '../../src/store/sync.ts';
import { callChannel } from './call-channel.ts';
import type { ActivityDependencies } from './dependencies.ts';

const CHECK_EVERY_MS = 86_400_000;

interface At {
  tenantId: string;
  pass: Pick<OpenPass, 'accountId' | 'channel' | 'calendarId' | 'calendarShared'>;
}

/**
 * Once a day one of an account's connections looks at what all its calendars are called and allow. A
 * look that fails costs the pass nothing: the next day has another.
 */
export async function checkCalendars(deps: ActivityDependencies, at: At): Promise<void> {
  if (isItsOwnCalendar(deps, at)) return;
  const account = { tenantId: at.tenantId, accountId: at.pass.accountId };
  const turn = { everyMs: CHECK_EVERY_MS };
  if (!(await takeCalendarCheck(deps.database.pool, account, turn))) return;
  try {
    await look(deps, at);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { accountId } = account;
    deps.log('warn', 'calendars were not listed', { accountId, code: error.code });
  }
}

/**
 * Why a calendar cannot be read any more: where the account still lists its calendars, it is this one
 * that was removed, or whose owner shares it no more. Otherwise the failure stays what it is.
 */
export async function asLoss(
  deps: ActivityDependencies,
  at: At,
  failure: Failure,
): Promise<Failure> {
  const isRefusal = failure.kind === 'unauthorized' && failure.code !== 'needs-reauthorization';
  if (!isRefusal && failure.kind !== 'not-found') return failure;
  if (isItsOwnCalendar(deps, at)) return failure;
  try {
    const calendars = await look(deps, at);
    const isListed = calendars.some(({ id }) => id === at.pass.calendarId);
    if (isListed && failure.kind === 'not-found') return failure;
    const isUnshared = isRefusal || at.pass.calendarShared === true;
    const code = isUnshared ? 'not-shared-any-more' : 'calendar-removed';
    return new Failure({ kind: 'not-found', code });
  } catch (error) {
    if (error instanceof Failure) return failure;
    throw error;
  }
}

/** A feed's address is account and calendar in one: its list says what reading it says. */
const isItsOwnCalendar = ({ channels }: ActivityDependencies, { pass }: At): boolean =>
  providerOf(channels, pass.channel as Channel).supports.endsWithLastEntry === true;

async function look(deps: ActivityDependencies, { tenantId, pass }: At): Promise<ListedCalendar[]> {
  const { accountId, channel } = pass;
  const provider = providerOf(deps.channels, channel as Channel);
  const calendars = await callChannel(deps, { tenantId, accountId, channel }, (access) =>
    provider.listCalendars({ access }),
  );
  const seen = calendars.map((one) => ({
    ...one,
    write: provider.supports.write && one.write,
    shared: one.shared ?? null,
  }));
  const names = nameSealOf(deps.vault, tenantId);
  const freed = await noteCalendars(
    deps.database.pool,
    { tenantId, accountId },
    { calendars: seen, names },
  );
  for (const connectionId of freed) await deps.commands.requestMirror({ tenantId, connectionId });
  return calendars;
}
