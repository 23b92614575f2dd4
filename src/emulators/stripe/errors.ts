/** The error types of docs.stripe.com/api/errors, with the status each is sent under by default. */
type StripeErrorType = 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';

export type StripeErrorDetail = {
  code?: string;
  declineCode?: string;
  param?: string;
  /** The whole object as it is after the failure, e.g. the declined payment intent. */
  paymentIntent?: unknown;
  /** The method that was refused. */
  paymentMethod?: unknown;
  charge?: string;
  type?: StripeErrorType;
  /** True when nothing had begun: such an outcome is never stored under an idempotency key. */
  beforeExecution?: boolean;
  /** Value of `Stripe-Should-Retry`, when Stripe would advise. */
  shouldRetry?: boolean;
};

/** A refusal in Stripe's shape: `{ error: { type, code, message, param, ... } }`. */
export class StripeError extends Error {
  readonly status: number;
  readonly detail: StripeErrorDetail;

  constructor(status: number, message: string, detail: StripeErrorDetail = {}) {
    super(message);
    this.name = 'StripeError';
    this.status = status;
    this.detail = detail;
  }
}

/** The JSON body Stripe sends for an error; `requestLogUrl` points at a request of the dashboard. */
export function errorBody(error: StripeError): { error: Record<string, unknown> } {
  const { code, declineCode, param, paymentIntent, paymentMethod, charge, type } = error.detail;
  return {
    error: {
      ...(charge === undefined ? {} : { charge }),
      ...(code === undefined ? {} : { code }),
      ...(declineCode === undefined ? {} : { decline_code: declineCode }),
      ...(code === undefined
        ? {}
        : { doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` }),
      message: error.message,
      ...(param === undefined ? {} : { param }),
      ...(paymentIntent === undefined ? {} : { payment_intent: paymentIntent }),
      ...(paymentMethod === undefined ? {} : { payment_method: paymentMethod }),
      type: type ?? typeOf(error.status),
    },
  };
}

/** A parameter that is wrong in itself; found before anything is done, so never stored. */
export function invalidParam(param: string, code: string, message: string): StripeError {
  return new StripeError(400, message, { param, code, beforeExecution: true });
}

/** An id that is well formed but names nothing of this account. */
export function noSuch(kind: string, id: string, param = 'id'): StripeError {
  return new StripeError(param === 'id' ? 404 : 400, `No such ${kind}: '${id}'`, {
    code: 'resource_missing',
    param: param === 'id' ? kind : param,
  });
}

function typeOf(status: number): StripeErrorType {
  if (status === 402) return 'card_error';
  return status >= 500 ? 'api_error' : 'invalid_request_error';
}
