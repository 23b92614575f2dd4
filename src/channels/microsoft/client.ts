import type { Access } from '../channel-provider.ts';
import type { OAuthSettings } from '../oauth.ts';
import { Failure } from '../../domain/failure.ts';
import { boundedFetch } from '../../outbound/bounded-fetch.ts';
import { failureFrom, readError } from './failures.ts';

export interface MicrosoftSettings extends OAuthSettings {
  /** Origin of Microsoft Graph. */
  apiUrl: string;
  /** Also asks for calendars that other people share; needs a wider consent. */
  sharedCalendars?: boolean;
  /** The longest life a subscription is asked for; sources disagree on what Graph allows. */
  maxSubscriptionMs?: number;
}

export const DEFAULT_TIMEOUT_MS = 20_000;

/** On every request, because a delta link is bound to them (Graph "Prefer" headers of Outlook). */
export const PREFER = 'odata.maxpagesize=200, outlook.timezone="UTC", IdType="ImmutableId"';

export interface GraphRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  body?: unknown;
  ifMatch?: string | null;
  signal?: AbortSignal;
}

export interface GraphAnswer {
  status: number;
  headers: Headers;
  /** Null when the body is no JSON object. */
  data: Record<string, unknown> | null;
}

/**
 * One request, answered whatever its status. Throws `unavailable` when no whole answer came, and
 * `invalid` when it is larger than any should be.
 */
export async function send(
  settings: MicrosoftSettings,
  access: Access,
  request: GraphRequest,
): Promise<GraphAnswer> {
  if (access.kind !== 'bearer')
    throw new Failure({ kind: 'invalid', code: 'microsoft-needs-bearer-access' });
  const limit = AbortSignal.timeout(settings.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  try {
    const response = await boundedFetch(settings.fetch)(request.url, {
      method: request.method ?? 'GET',
      headers: {
        authorization: `Bearer ${access.accessToken}`,
        prefer: PREFER,
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(request.ifMatch ? { 'if-match': request.ifMatch } : {}),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      // A redirect would carry the token elsewhere; Graph answers these calls with none.
      redirect: 'error',
      signal: request.signal ? AbortSignal.any([request.signal, limit]) : limit,
    });
    return {
      status: response.status,
      headers: response.headers,
      data: objectFrom(await response.text()),
    };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure({ kind: 'unavailable', code: limit.aborted ? 'timeout' : 'network' });
  }
}

/** Runs one request and answers with its body; throws `Failure` only. */
export async function asked(
  settings: MicrosoftSettings,
  access: Access,
  request: GraphRequest,
): Promise<Record<string, unknown>> {
  const answer = await send(settings, access, request);
  if (!isFine(answer)) throw failureFrom(readError(answer), nowOf(settings));
  return bodyOf(answer);
}

export const isFine = ({ status }: GraphAnswer): boolean => status >= 200 && status < 300;

/** Throws `unavailable` for what is no answer of Graph: then nothing is known of what was done. */
export function bodyOf({ status, data }: GraphAnswer): Record<string, unknown> {
  if (status === 202 || status === 204) return data ?? {};
  if (data === null) throw new Failure({ kind: 'unavailable', code: 'unreadable-answer' });
  return data;
}

/** The list that an answer of many carries. Throws `unavailable` when there is none. */
export function valueOf<T extends object>(body: Record<string, unknown>): Partial<T>[] {
  const { value } = body;
  if (!Array.isArray(value)) throw new Failure({ kind: 'unavailable', code: 'unreadable-answer' });
  return value.filter((one) => typeof one === 'object' && one !== null) as Partial<T>[];
}

/** An address under `/v1.0`; spaces as `%20`, which OData wants. */
export function addressOf(
  settings: MicrosoftSettings,
  path: string,
  query: Readonly<Record<string, string | number>> = {},
): string {
  const pairs = Object.entries(query).map(
    ([name, value]) => `${name}=${encodeURIComponent(String(value))}`,
  );
  const origin = settings.apiUrl.replace(/\/+$/, '');
  return `${origin}/v1.0${path}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`;
}

export const calendarPath = (calendarId: string): string =>
  `/me/calendars/${encodeURIComponent(calendarId)}`;

/** Whether the token may go to this link: the configured origin, and no other. */
export function isOwnLink(settings: MicrosoftSettings, link: string): boolean {
  const url = URL.canParse(link) ? new URL(link) : null;
  return (
    url !== null &&
    url.origin === new URL(settings.apiUrl).origin &&
    url.username === '' &&
    url.password === ''
  );
}

const MAX_LINK_LENGTH = 4_096;

/** A link that an answer names. Throws `invalid` `foreign-link` when it leads elsewhere. */
export function linkIn(
  settings: MicrosoftSettings,
  body: Record<string, unknown>,
  name: '@odata.nextLink' | '@odata.deltaLink',
): string | null {
  const link = body[name];
  if (typeof link !== 'string') return null;
  if (!isOwnLink(settings, link)) throw new Failure({ kind: 'invalid', code: 'foreign-link' });
  if (link.length > MAX_LINK_LENGTH) throw new Failure({ kind: 'invalid', code: 'link-too-long' });
  return link;
}

export const nowOf = (settings: MicrosoftSettings): number => (settings.now ?? Date.now)();

export function objectFrom(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
