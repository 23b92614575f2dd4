import { createHash } from 'node:crypto';
import type { Credential } from '../channels/channel-provider.ts';
import { Failure } from '../domain/failure.ts';
import type { ApiDependencies } from './dependencies.ts';
import { Problem } from './problem.ts';
import { providerOf } from './providers.ts';

/**
 * Uses what a person gave once, before anything is stored, and completes it. Throws a problem that
 * says which part of it is wrong, and holds nothing of it.
 */
export async function proveAccount(
  deps: ApiDependencies,
  { tenantId, channel, accountId }: { tenantId: string; channel: string; accountId?: string },
  credential: Credential,
): Promise<{ credential: Credential; subject: string | null }> {
  const provider = providerOf(deps, channel);
  const address = addressIn(credential);
  if (address !== null) await requireAddress(address, deps);
  try {
    const called = { tenantId, channel, accountId: accountId ?? nameOf(credential), credential };
    return await deps.callUnopened(called, () => provider.prove({ credential }));
  } catch (error) {
    throw error instanceof Failure ? (refusalOf(error, credential) ?? error) : error;
  }
}

/** The same for whoever tries the same account again, so that it has the limits of one. */
function nameOf(credential: Credential): string {
  if (credential.kind === 'oauth') return 'consent';
  const { kind } = credential;
  const owner = kind === 'url' ? [credential.url] : [credential.serverUrl, credential.username];
  return createHash('sha256')
    .update(JSON.stringify([kind, ...owner]))
    .digest('hex');
}

/** Null where the channel knows the address itself. */
function addressIn(credential: Credential): string | null {
  if (credential.kind === 'oauth') return null;
  const written = (credential.kind === 'url' ? credential.url : credential.serverUrl).trim();
  if (written === '') return null;
  return credential.kind === 'url' || /^[a-z][a-z\d+.-]*:\/\//i.test(written)
    ? written
    : `https://${written}`;
}

async function requireAddress(url: string, { checkAddress }: ApiDependencies): Promise<void> {
  const problem = await checkAddress(url);
  if (!problem) return;
  throw new Problem('address-refused', { detail: problem.reason, more: { code: problem.code } });
}

const PASSWORD_DETAIL =
  'The server refused the user name or the password. iCloud and others take an app-specific password only: make one in the settings of the account there.';
const FEED_DETAIL =
  'The address refused to be read. Copy the secret address from the calendar again, or make a new one there.';
const ADDRESS_DETAIL: Readonly<Record<string, string>> = {
  'https-needed': 'A password is sent over https only. Give an address that begins with https://.',
  'other-party':
    'The server sends us on to another party, who must not get this password. Give the address it finally leads to.',
};

/** What a refusal means to the person who gave the credential; null where it says nothing about it. */
function refusalOf({ kind, code }: Failure, credential: Credential): Problem | null {
  const more = { code };
  const isFeed = credential.kind === 'url';
  if (kind === 'unauthorized')
    return new Problem('credential-refused', {
      detail: isFeed ? FEED_DETAIL : PASSWORD_DETAIL,
      more,
    });
  if (kind !== 'invalid' && kind !== 'not-found' && kind !== 'conflict') return null;
  if (ADDRESS_DETAIL[code] !== undefined || code.startsWith('outbound-'))
    return new Problem('address-refused', {
      ...(ADDRESS_DETAIL[code] !== undefined && { detail: ADDRESS_DETAIL[code] }),
      more,
    });
  return new Problem('channel-refused', {
    detail: isFeed
      ? 'There is no calendar file at this address. Copy the whole address; it usually ends in .ics.'
      : 'There is no CalDAV server with calendars of this user at the address. Copy it from the help pages of the server.',
    more,
  });
}
