import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler } from 'express';

/** An answer in Graph's error shape. Source: Graph "Error responses and resource types". */
export class GraphError extends Error {
  readonly status: number;
  readonly code: string;
  /** Members beside code and message, such as `@event.existingEventId`. */
  readonly more: Record<string, unknown>;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, details: ErrorDetails) {
    super(details.message);
    this.status = status;
    this.code = code;
    this.more = details.more ?? {};
    this.headers = details.headers ?? {};
  }
}

interface ErrorDetails {
  message: string;
  more?: Record<string, unknown>;
  headers?: Record<string, string>;
}

export function badRequest(code: string, message: string): GraphError {
  return new GraphError(400, code, { message });
}

export function notFound(): GraphError {
  const message = 'The specified object was not found in the store.';
  return new GraphError(404, 'ErrorItemNotFound', { message });
}

export function accessDenied(): GraphError {
  const message = 'Access is denied. Check credentials and try again.';
  return new GraphError(403, 'ErrorAccessDenied', { message });
}

export function invalidToken(message: string): GraphError {
  const challenge = 'Bearer realm="", authorization_uri="/microsoft/common/oauth2/v2.0/authorize"';
  return new GraphError(401, 'InvalidAuthenticationToken', {
    message,
    headers: { 'WWW-Authenticate': challenge },
  });
}

export function notEmulated(what: string): GraphError {
  return badRequest('NotEmulated', `${what} is part of the real API but not of this emulator.`);
}

const scripted: Record<number, [code: string, message: string]> = {
  400: ['ErrorInvalidRequest', 'The request is invalid.'],
  401: ['InvalidAuthenticationToken', 'Access token has expired or is not yet valid.'],
  403: ['ErrorAccessDenied', 'Access is denied. Check credentials and try again.'],
  404: ['ErrorItemNotFound', 'The specified object was not found in the store.'],
  409: ['Conflict', 'The request conflicts with the current state.'],
  410: ['SyncStateNotFound', 'The sync state generation is not found.'],
  412: ['ErrorIrresolvableConflict', 'The send or update operation could not be performed.'],
  429: ['TooManyRequests', 'Too many requests. Try again after the time in Retry-After.'],
  500: ['InternalServerError', 'An unexpected error occurred.'],
  503: ['ServiceUnavailable', 'The service is temporarily unavailable.'],
  504: ['GatewayTimeout', 'The gateway timed out.'],
};

/** What Graph says with a status, for scripted faults that give a status and no body. */
export function scriptedErrorBody(status: number): unknown {
  const [code, message] = scripted[status] ?? ['UnknownError', 'An unexpected error occurred.'];
  return errorBody(code, message, {});
}

/** Turns thrown Graph errors into answers; anything else is this emulator's own defect. */
// oxlint-disable-next-line max-params -- Express knows an error handler by its four parameters.
export const answerError: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent || !(error instanceof GraphError)) return next(error);
  for (const [name, value] of Object.entries(error.headers)) res.set(name, value);
  return void res.status(error.status).json(errorBody(error.code, error.message, error.more));
};

function errorBody(code: string, message: string, more: Record<string, unknown>) {
  const { innerError, ...members } = more;
  const requestId = randomUUID();
  return {
    error: {
      code,
      message,
      ...members,
      innerError: {
        ...(innerError as Record<string, unknown> | undefined),
        date: new Date().toISOString().slice(0, 19),
        'request-id': requestId,
        'client-request-id': requestId,
      },
    },
  };
}
