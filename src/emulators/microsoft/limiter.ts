import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestHandler } from 'express';
import type { Accounts } from '../accounts.ts';
import type { Host } from '../host.ts';
import { presentedToken } from './access.ts';
import { GraphError } from './errors.ts';
import type { MicrosoftSwitches } from './switches.ts';

export interface Limiter {
  /** Counts a call among those of its mailbox from its arrival to the end of its answer. */
  count: RequestHandler;
  /** Refuses a call that came over the limit; after the exchange, so that the record has it. */
  gate: RequestHandler;
  /** Refuses all calls of a mailbox for a while. */
  throttle(email: string, seconds: number): void;
  load(email: string): MailboxLoad;
}

interface MailboxLoad {
  inFlight: number;
  peak: number;
  refused: number;
}

interface LimiterParts {
  host: Host;
  accounts: Accounts;
  switches: MicrosoftSwitches;
}

/** Source: Graph "Service-specific throttling limits", Outlook: four requests of an app at a mailbox at once. */
export function createLimiter({ host, accounts, switches }: LimiterParts): Limiter {
  const loads = new Map<string, MailboxLoad>();
  const throttledUntil = new Map<string, number>();
  host.onReset(() => {
    loads.clear();
    throttledUntil.clear();
  });
  function loadOf(email: string): MailboxLoad {
    const load = loads.get(email) ?? { inFlight: 0, peak: 0, refused: 0 };
    loads.set(email, load);
    return load;
  }
  function refuse(email: string, concurrent: number): void {
    const load = loadOf(email);
    load.refused += 1;
    const limit = switches.concurrentPerMailbox;
    host.effect('microsoft', 'throttled', { mailbox: email, concurrent, limit });
  }
  return {
    count(req, res, next) {
      const access = presentedToken(req, accounts);
      if (typeof access !== 'object') return next();
      const { email } = access;
      const load = loadOf(email);
      if (load.inFlight >= switches.concurrentPerMailbox) {
        res.locals['overLimit'] = true;
        refuse(email, load.inFlight + 1);
        return next();
      }
      load.inFlight += 1;
      res.on('close', () => {
        load.inFlight -= 1;
      });
      if (load.inFlight > load.peak) {
        load.peak = load.inFlight;
        host.effect('microsoft', 'concurrency', { mailbox: email, concurrent: load.peak });
      }
      const untilMs = throttledUntil.get(email) ?? 0;
      if (untilMs > Date.now()) res.locals['throttledUntilMs'] = untilMs;
      return next();
    },
    async gate(_req, res, next) {
      const untilMs = res.locals['throttledUntilMs'] as number | undefined;
      if (untilMs !== undefined) {
        throw throttled(429, 'TooManyRequests', Math.ceil((untilMs - Date.now()) / 1000));
      }
      if (res.locals['overLimit'] === true) {
        const status = Number(switches.overConcurrency);
        throw throttled(status, 'ApplicationThrottled', switches.retryAfterSeconds);
      }
      if (switches.serviceTimeMs > 0) await sleep(switches.serviceTimeMs);
      return next();
    },
    throttle: (email, seconds) => void throttledUntil.set(email, Date.now() + seconds * 1000),
    load: (email) => ({ ...loadOf(email) }),
  };
}

function throttled(status: number, code: string, retryAfterSeconds: number): GraphError {
  const message =
    code === 'ApplicationThrottled'
      ? 'Application is over its MailboxConcurrency limit.'
      : 'Too many requests from this application at this mailbox.';
  const seconds = Math.max(1, retryAfterSeconds);
  return new GraphError(status, code, { message, headers: { 'Retry-After': String(seconds) } });
}
