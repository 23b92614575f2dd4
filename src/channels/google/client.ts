import { calendar_v3 } from 'googleapis/build/src/apis/calendar/v3.js';
import type { Access } from '../channel-provider.ts';
import type { OAuthSettings } from '../oauth.ts';
import { Failure } from '../../domain/failure.ts';
import { boundedFetch } from '../../outbound/bounded-fetch.ts';
import { failureFrom, readError } from './failures.ts';

export interface GoogleSettings extends OAuthSettings {
  /** Origin of the Calendar API. */
  apiUrl: string;
}

export type GoogleClient = calendar_v3.Calendar;

export const DEFAULT_TIMEOUT_MS = 20_000;

/**
 * The client library with everything it would do by itself turned off: no retries, and no auth
 * client that could refresh, only the access token as a header.
 */
export function googleClient(settings: GoogleSettings, access: Access): GoogleClient {
  if (access.kind !== 'bearer')
    throw new Failure({ kind: 'invalid', code: 'google-needs-bearer-access' });
  return new calendar_v3.Calendar({
    rootUrl: `${settings.apiUrl.replace(/\/+$/, '')}/`,
    retry: false,
    timeout: settings.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    headers: { authorization: `Bearer ${access.accessToken}` },
    fetchImplementation: boundedFetch(settings.fetch),
    // A redirect would carry the token elsewhere; the API answers with none.
    redirect: 'error',
  });
}

/** Runs one request and answers with its body; throws `Failure` only. */
export async function asked<T>(settings: GoogleSettings, request: Promise<Answer<T>>): Promise<T> {
  try {
    return bodyOf(await request);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : null;
    for (const one of [error, cause]) if (one instanceof Failure) throw one;
    throw failureFrom(readError(error), nowOf(settings));
  }
}

interface Answer<T> {
  status: number;
  data: T;
}

/** The library hands on as text what is no JSON: then nothing is known of what was done. */
export function bodyOf<T>(answer: Answer<T>): T {
  if (answer.status === 204 || (typeof answer.data === 'object' && answer.data !== null))
    return answer.data;
  throw new Failure({ kind: 'unavailable', code: 'unreadable-answer' });
}

export const nowOf = (settings: GoogleSettings): number => (settings.now ?? Date.now)();
