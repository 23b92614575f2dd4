import { randomUUID } from 'node:crypto';
import { startHoldfast, until, type Answer, type Holdfast } from './holdfast.ts';
import { recorded, type RecordEntry } from './outside.ts';
import { addResource, at, type Scene } from './scene.ts';

/** People with calendars at Microsoft and at a CalDAV server, and the accounts they connect. */
export const startWithOwners = (): Promise<Holdfast> =>
  startHoldfast(({ emulatorsUrl, partitionUrl }) => ({
    HOLDFAST_OUTBOUND_ALLOW: [emulatorsUrl, partitionUrl].map((one) => new URL(one).host).join(','),
    HOLDFAST_MICROSOFT_API_URL: emulatorsUrl,
    HOLDFAST_MICROSOFT_AUTH_URL: `${emulatorsUrl}/microsoft/common/oauth2/v2.0/authorize`,
    HOLDFAST_MICROSOFT_TOKEN_URL: `${emulatorsUrl}/microsoft/common/oauth2/v2.0/token`,
    HOLDFAST_MICROSOFT_CLIENT_ID: 'emulated-client',
    HOLDFAST_MICROSOFT_CLIENT_SECRET: 'emulated-secret',
  }));

export const newPerson = (): string => `${randomUUID().slice(0, 8)}@example.com`;

/** Lets a person consent in a browser, and answers the page they end up on. */
export async function consent(
  holdfast: Holdfast,
  { channel, email, accountId }: { channel: string; email: string; accountId?: string },
): Promise<{ status: number; text: string; state: string }> {
  const begun = await holdfast.call('POST', `/oauth/${channel}/authorize`, {
    ...(accountId !== undefined && { accountId }),
  });
  const address = new URL(begun.body.authorizationUrl as string);
  address.searchParams.set('login_hint', email);
  const answer = await fetch(address, { redirect: 'manual' });
  const page = await fetch(answer.headers.get('location')!);
  const state = address.searchParams.get('state')!;
  return { status: page.status, text: await page.text(), state };
}

/** The account that a person has just connected. */
export async function connectOwner(
  holdfast: Holdfast,
  channel: 'google' | 'microsoft',
): Promise<{ email: string; accountId: string }> {
  const email = newPerson();
  const before = await accountIds(holdfast);
  await holdfast.control('PUT', `/${channel}/accounts/${email}`, {});
  const { status, text } = await consent(holdfast, { channel, email });
  if (status !== 200) throw new Error(`consent: ${text}`);
  const accountId = (await accountIds(holdfast)).find((id) => !before.includes(id))!;
  return { email, accountId };
}

export async function accountIds(holdfast: Holdfast): Promise<string[]> {
  const { body } = await holdfast.call('GET', '/accounts?limit=200');
  return (body.items as { id: string }[]).map(({ id }) => id);
}

/** Another calendar of a person at Microsoft, connected and live. */
export async function connectOutlook(
  holdfast: Holdfast,
  { email, accountId }: { email: string; accountId: string },
): Promise<Scene> {
  const calendarId = `AAMk${randomUUID().replaceAll('-', '')}=`;
  await holdfast.control('PUT', `/microsoft/calendars/${encodeURIComponent(calendarId)}`, {
    account: email,
    name: 'Consulting room',
  });
  return connect(holdfast, { accountId, calendarId });
}

export async function connect(
  holdfast: Holdfast,
  { accountId, calendarId }: { accountId: string; calendarId: string },
): Promise<Scene> {
  const resourceId = await addResource(holdfast);
  const answer = await holdfast.call('POST', '/connections', { resourceId, accountId, calendarId });
  if (answer.status !== 201) throw new Error(`connection: ${JSON.stringify(answer.body)}`);
  const scene = { resourceId, calendarId, connectionId: answer.body.id as string };
  await untilShown(holdfast, scene, { status: 'live' });
  return scene;
}

/** Waits until a connection shows all of this. */
export const untilShown = (
  holdfast: Holdfast,
  { connectionId }: Pick<Scene, 'connectionId'>,
  wanted: Record<string, unknown>,
): Promise<Answer> =>
  until(
    () => holdfast.call('GET', `/connections/${connectionId}`),
    ({ body }) => Object.entries(wanted).every(([name, value]) => body[name] === value),
    30_000,
  );

export const takeHour = (
  holdfast: Holdfast,
  { calendarId }: Pick<Scene, 'calendarId'>,
  { days, hour }: { days: number; hour: number },
): Promise<unknown> =>
  holdfast.control('POST', `/microsoft/calendars/${encodeURIComponent(calendarId)}/events`, {
    subject: 'Surgery',
    start: { dateTime: at(days, hour).slice(0, 19), timeZone: 'UTC' },
    end: { dateTime: at(days, hour + 1).slice(0, 19), timeZone: 'UTC' },
  });

/** What was asked of a host since an entry: of its token endpoint, or of all else. */
export async function asked(
  holdfast: Holdfast,
  { host, since }: { host: string; since: number },
): Promise<{ tokens: RecordEntry[]; calls: RecordEntry[] }> {
  const entries = (await recorded(holdfast, { host, since })).filter(({ method }) => method);
  const isToken = ({ path }: RecordEntry) => (path ?? '').endsWith('/token');
  return {
    tokens: entries.filter(isToken),
    calls: entries.filter((one) => !isToken(one) && !(one.path ?? '').includes('/authorize')),
  };
}
