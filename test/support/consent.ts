import type { ChannelProvider } from '../../src/channels/channel-provider.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { TestApi } from './api.ts';
import { feedProvider } from './api.ts';

/** Who the consent page's code stands for, and what it was exchanged with. */
export const exchanged: { code: string; codeVerifier: string; redirectUri: string }[] = [];

const REFUSED_CODES: Record<string, Failure> = {
  bad: new Failure({ kind: 'unauthorized', code: 'invalid_grant' }),
  withheld: new Failure({
    kind: 'unauthorized',
    code: 'scopes-not-granted',
    missing: ['to see the list of your calendars'],
  }),
  brief: new Failure({ kind: 'unauthorized', code: 'no-refresh-token' }),
  down: new Failure({ kind: 'unavailable', code: 'http-503' }),
};

/** A channel whose consent page gives codes that say who came, or how it failed. */
export const consentProvider: ChannelProvider = {
  ...feedProvider,
  channel: 'google',
  supports: { ...feedProvider.supports, oauth: true, push: true, write: true },
  authorizationUrl: ({ state, codeChallenge, redirectUri }) =>
    `https://consent.example.com/?${new URLSearchParams({ state, codeChallenge, redirectUri }).toString()}`,
  async exchange({ code, codeVerifier, redirectUri }) {
    exchanged.push({ code, codeVerifier, redirectUri });
    const failure = REFUSED_CODES[code];
    if (failure) throw failure;
    return {
      subject: code,
      credential: {
        kind: 'oauth',
        refreshToken: 'refresh-hidden',
        accessToken: 'access-hidden',
        expiresAt: '2031-01-01T00:00:00Z',
        scopes: [],
      },
    };
  },
  listCalendars: async () => [
    { id: 'main@x', name: 'Main', timeZone: 'Europe/Rome', push: true, write: true, primary: true },
    { id: 'read@x', name: 'Read', timeZone: 'UTC', push: true, write: false, primary: false },
  ],
};

/** Begins a consent; the state that the browser is to bring back. */
export async function consentAt(api: TestApi, body: object = {}): Promise<string> {
  const reply = await api.ask('POST', '/v1/oauth/google/authorize', { body });
  if (reply.status !== 200) throw new Error(`no consent: ${reply.text}`);
  return new URL(reply.body.authorizationUrl as string).searchParams.get('state')!;
}
