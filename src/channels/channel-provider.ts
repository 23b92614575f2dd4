import type { Change, NeutralEvent, WithheldItem } from '../domain/event.ts';
import type { Interval } from '../domain/interval.ts';

/**
 * The port every channel implements. A provider speaks one protocol and nothing else: it never
 * touches the store, never sees a refresh token, never retries (its caller's policy does), and
 * throws `Failure` only. What it supports is data (`supports`), so no caller probes for methods.
 */
export const CHANNELS = ['google', 'microsoft', 'caldav', 'ical'] as const;
export type Channel = (typeof CHANNELS)[number];

/** What opens an account for one call. Bearer tokens are short-lived; see credentials.ts. */
export type Access =
  | { kind: 'bearer'; accessToken: string }
  | { kind: 'basic'; serverUrl: string; homeUrl?: string; username: string; password: string }
  | { kind: 'url'; url: string };

/** An OAuth grant, an app password or a secret URL: sealed at rest, opened only by activities. */
export type Credential =
  | {
      kind: 'oauth';
      refreshToken: string;
      /** The one before, where the channel rotates: kept until this one has worked. */
      previousRefreshToken?: string;
      accessToken: string;
      /** RFC 3339. */
      expiresAt: string;
      scopes: string[];
    }
  /** `homeUrl` is where the account's calendars live, found once when the account is connected. */
  | { kind: 'basic'; serverUrl: string; homeUrl?: string; username: string; password: string }
  | { kind: 'url'; url: string };

export interface ChannelSupport {
  oauth: boolean;
  push: boolean;
  write: boolean;
  /** How a watch lives on: a new one beside the old, or the same one extended. */
  renewal: 'recreate' | 'extend' | 'none';
  /**
   * How long an entry must be missing from complete listings before it counts as gone; 0 where the
   * channel's listings can be trusted at once.
   */
  absenceConfirmMs: number;
  /** Set where a calendar tells nothing of the time after its last entry, as feeds do. */
  endsWithLastEntry?: true;
  /** Set where a page may be asked for before the one ahead of it is applied: asking costs little. */
  readAhead?: true;
}

export interface Calendar {
  id: string;
  /** IANA; what floating and all-day times of this calendar mean. */
  timeZone: string;
}

export interface ListedCalendar extends Calendar {
  name: string;
  push: boolean;
  write: boolean;
  primary: boolean;
  /** Whether it is somebody else's, who shares it; absent where the channel does not tell. */
  shared?: boolean;
}

export type { Change };

export interface PullInput {
  access: Access;
  calendar: Calendar;
  /** Where the last complete pass ended; null asks for everything. */
  cursor: string | null;
  /** Where this pass stands between pages; null starts it. */
  checkpoint: string | null;
  /** The part of time that matters; a provider may ask for more, never for less. */
  window: Interval;
  nowAt: number;
  signal: AbortSignal;
}

export type Pulled =
  | {
      /**
       * `delta`: changes since the cursor. `snapshot`: this pass lists all there is, and what it
       * does not list is gone. `partial`: not proven complete, so absence means nothing.
       */
      kind: 'delta' | 'snapshot' | 'partial';
      changes: Change[];
      withheld: WithheldItem[];
      /** Set on the last page of a pass. */
      nextCursor: string | null;
      /** Set when another page follows. */
      checkpoint: string | null;
      more: boolean;
      /** Age of the answer as its host states it (RFC 9111 §5.1), in milliseconds. */
      ageMs: number;
      /** The calendar's own zone, where the answer tells. */
      timeZone?: string;
      /**
       * Set by channels that list a fixed stretch of time: nothing is known from here on (epoch
       * milliseconds), until a pass from no cursor covers more.
       */
      coversUntilAt?: number;
    }
  /** The channel no longer accepts the position: start the pass again, or read everything anew. */
  | { kind: 'cursor-lost'; what: 'checkpoint' | 'cursor' };

export interface InboundRequest {
  headers: Record<string, string | undefined>;
  query: Record<string, string | undefined>;
  rawBody: Uint8Array;
}

/** A notification says that something may have changed; it is never data. */
export interface Hint {
  watchId: string;
  secret: string;
  kind: 'changed' | 'renew' | 'lost';
  /** What stops the watch, as `Watch.nativeId`; lets one be stopped whose making was never answered. */
  nativeId?: string;
}

export interface Received {
  reply: { status: number; headers?: Record<string, string>; body?: string };
  hints: Hint[];
}

export interface Watch {
  /** Ours, unique for ever; also the channel's id where it takes one. */
  watchId: string;
  /** What the channel needs to stop or extend it. */
  nativeId: string;
  /** RFC 3339. */
  expiresAt: string;
}

/** Our booking, hold or block as an event in an outside calendar. */
export interface MirrorEvent {
  /** RFC 3339 instants, half-open. */
  startAt: string;
  endAt: string;
  /** A hold is tentative. */
  status: 'confirmed' | 'tentative';
  summary: string;
  /**
   * Read back in `NeutralEvent.marker`. What is before its first dot names the mirror for ever; the
   * rest proves its time.
   */
  marker: string;
}

export interface Written {
  nativeId: string;
  etag: string | null;
}

export interface OAuthGrant {
  credential: Extract<Credential, { kind: 'oauth' }>;
  /** The channel's own id of the account, to notice a re-authorization by another one. */
  subject: string | null;
}

export interface ChannelProvider {
  readonly channel: Channel;
  readonly supports: ChannelSupport;
  authorizationUrl(input: { state: string; codeChallenge: string; redirectUri: string }): string;
  exchange(input: {
    code: string;
    codeVerifier: string;
    redirectUri: string;
    nowAt: number;
  }): Promise<OAuthGrant>;
  /**
   * Answers with the refresh token to keep: a new one where the channel rotates, else the old. Ends
   * within 10 s, because the account is locked meanwhile.
   */
  refresh(input: { refreshToken: string; nowAt: number }): Promise<OAuthGrant['credential']>;
  /**
   * Checks what a person gave (an app password, a secret URL) by using it once, and completes it.
   * Throws `unauthorized` when it is refused and `invalid` when nothing of this channel is there.
   * OAuth channels answer what `exchange` made.
   */
  prove(input: {
    credential: Credential;
  }): Promise<{ credential: Credential; subject: string | null }>;
  listCalendars(input: { access: Access }): Promise<ListedCalendar[]>;
  pull(input: PullInput): Promise<Pulled>;
  /** Synchronous and without side effects: the route answers before any work is done. */
  receive(request: InboundRequest): Received;
  watch(input: {
    access: Access;
    calendar: Calendar;
    watchId: string;
    secret: string;
    address: string;
    ttlMs: number;
  }): Promise<Watch>;
  renew(input: { access: Access; watch: Watch; ttlMs: number }): Promise<Watch>;
  unwatch(input: { access: Access; watch: Watch }): Promise<void>;
  /**
   * Creates (`ifMatch` null) or updates. Creating twice with one `id` makes one event. `generation`
   * rises when an earlier event of this id was removed, for channels that never free an id.
   */
  write(input: {
    access: Access;
    calendar: Calendar;
    id: string;
    generation: number;
    event: MirrorEvent;
    ifMatch: string | null;
  }): Promise<Written>;
  /**
   * Removing what is already gone, or was never there, succeeds. `nativeId` is null where the answer
   * to a write was lost: then it is what `write` would have made of `id` and `generation`.
   */
  remove(input: {
    access: Access;
    calendar: Calendar;
    id: string;
    generation: number;
    nativeId: string | null;
    ifMatch: string | null;
  }): Promise<void>;
  read(input: {
    access: Access;
    calendar: Calendar;
    nativeId: string;
  }): Promise<NeutralEvent | null>;
  /**
   * The channel's own answer to what is taken, to compare our copy with: merged spans within the
   * window. Null where the channel has no such answer for this calendar.
   */
  freeBusy(input: {
    access: Access;
    calendar: Calendar;
    window: Interval;
  }): Promise<Interval[] | null>;
}
