import type { Problem } from './types.ts';

/** `unreachable`: no answer came. `no-problem`: an answer that is not Holdfast's, as of a proxy. */
export type ErrorType = Problem | 'unreachable' | 'no-problem' | 'no-temporal';

/** A refusal as the API told it (RFC 9457), or none at all. `message` says what to do. */
export class HoldfastError extends Error {
  override name = 'HoldfastError';
  readonly type: ErrorType;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** Quote it to the operator: the server's log carries it too. */
  readonly instance: string | null;
  /** Further members of the problem, such as `errors`, `nearest` or `price`. */
  readonly more: Readonly<Record<string, unknown>>;

  constructor(told: {
    type: ErrorType;
    status: number;
    title: string;
    detail: string;
    instance?: string | null;
    more?: Record<string, unknown>;
    cause?: unknown;
  }) {
    super(`${told.title}. ${told.detail}`, told.cause === undefined ? {} : { cause: told.cause });
    this.type = told.type;
    this.status = told.status;
    this.title = told.title;
    this.detail = told.detail;
    this.instance = told.instance ?? null;
    this.more = told.more ?? {};
  }
}
