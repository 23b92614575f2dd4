import type { ErrorRequestHandler } from 'express';
import type { GoogleSwitches } from './switches.ts';

/** One entry of Google's error list. Source: Calendar guide "Handle API errors". */
interface GoogleErrorEntry {
  domain: string;
  reason: string;
  message: string;
  locationType?: string;
  location?: string;
}

/** An answer in Google's error shape. */
export class GoogleError extends Error {
  readonly code: number;
  readonly entry: GoogleErrorEntry;
  /** Canonical status word (`UNAUTHENTICATED`), on the errors that Google's front end gives. */
  readonly status: string | undefined;

  constructor(code: number, entry: GoogleErrorEntry, status?: string) {
    super(entry.message);
    this.code = code;
    this.entry = entry;
    this.status = status;
  }
}

export function errorBody({ code, entry, status }: Pick<GoogleError, 'code' | 'entry' | 'status'>) {
  return {
    error: { errors: [entry], code, message: entry.message, ...(status ? { status } : {}) },
  };
}

type Location = { locationType: string; location: string };

const parameter = (location: string): Location => ({ locationType: 'parameter', location });

export function badRequest(reason: string, message: string, location?: string): GoogleError {
  return new GoogleError(400, {
    domain: reason === 'timeRangeEmpty' || reason.startsWith('syncToken') ? 'calendar' : 'global',
    reason,
    message,
    ...(location === undefined ? {} : parameter(location)),
  });
}

export function notFound(message = 'Not Found'): GoogleError {
  return new GoogleError(404, { domain: 'global', reason: 'notFound', message });
}

export function duplicate(): GoogleError {
  const message = 'The requested identifier already exists.';
  return new GoogleError(409, { domain: 'global', reason: 'duplicate', message });
}

export function alreadyDeleted(): GoogleError {
  const message = 'Resource has been deleted';
  return new GoogleError(410, { domain: 'global', reason: 'deleted', message });
}

export function conditionNotMet(): GoogleError {
  return new GoogleError(412, {
    domain: 'global',
    reason: 'conditionNotMet',
    message: 'Precondition Failed',
    locationType: 'header',
    location: 'If-Match',
  });
}

export function fullSyncRequired(): GoogleError {
  return new GoogleError(410, {
    domain: 'calendar',
    reason: 'fullSyncRequired',
    message: 'Sync token is no longer valid, a full sync is required.',
    ...parameter('syncToken'),
  });
}

export function updatedMinTooLongAgo(): GoogleError {
  return new GoogleError(410, {
    domain: 'calendar',
    reason: 'updatedMinTooLongAgo',
    message: 'The requested minimum modification time lies too far in the past.',
    ...parameter('updatedMin'),
  });
}

export function forbidden(reason: string, message: string): GoogleError {
  return new GoogleError(403, { domain: 'calendar', reason, message });
}

export function insufficientScope(): GoogleError {
  const entry = {
    domain: 'global',
    reason: 'insufficientPermissions',
    message: 'Insufficient Permission: Request had insufficient authentication scopes.',
  };
  return new GoogleError(403, entry, 'PERMISSION_DENIED');
}

export function unauthenticated(reason: 'authError' | 'required'): GoogleError {
  const entry = {
    domain: 'global',
    reason,
    message: reason === 'required' ? 'Login Required.' : 'Invalid Credentials',
    locationType: 'header',
    location: 'Authorization',
  };
  return new GoogleError(401, entry, 'UNAUTHENTICATED');
}

export function notEmulated(what: string): GoogleError {
  const message = `${what} is part of the real API but not of this emulator.`;
  return new GoogleError(400, { domain: 'global', reason: 'notEmulated', message });
}

const scripted: Record<number, [domain: string, reason: string, message: string]> = {
  400: ['global', 'badRequest', 'Bad Request'],
  401: ['global', 'authError', 'Invalid Credentials'],
  403: ['usageLimits', 'rateLimitExceeded', 'Rate Limit Exceeded'],
  404: ['global', 'notFound', 'Not Found'],
  409: ['global', 'conflict', 'Conflict'],
  410: ['calendar', 'fullSyncRequired', 'Sync token is no longer valid, a full sync is required.'],
  412: ['global', 'conditionNotMet', 'Precondition Failed'],
  429: ['usageLimits', 'rateLimitExceeded', 'Rate Limit Exceeded'],
};

/** What Google says with a status, for scripted faults that give a status and no body. */
export function scriptedErrorBody(code: number): unknown {
  const [domain, reason, message] = scripted[code] ?? ['global', 'backendError', 'Backend Error'];
  return errorBody({ code, entry: { domain, reason, message }, status: undefined });
}

/** Turns thrown Google errors into answers; anything else is this emulator's own defect. */
export function createErrorAnswer(switches: GoogleSwitches): ErrorRequestHandler {
  // oxlint-disable-next-line max-params -- Express knows an error handler by its four parameters.
  return (error: unknown, _req, res, next) => {
    if (res.headersSent || !(error instanceof GoogleError)) return next(error);
    const { code, entry, message } = error;
    if (code === 401 || error.status === 'PERMISSION_DENIED') {
      const reason = code === 401 ? 'invalid_token' : 'insufficient_scope';
      res.set('WWW-Authenticate', `Bearer realm="https://accounts.google.com/", error="${reason}"`);
    }
    const bare = entry.reason === 'fullSyncRequired' && switches.goneWithoutReason;
    return void res.status(code).json(bare ? { error: { code, message } } : errorBody(error));
  };
}
