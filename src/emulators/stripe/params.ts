import { invalidParam } from './errors.ts';
import type { StripeError } from './errors.ts';
import type { Form, FormValue } from './form.ts';

/**
 * What a parameter may be. `refused` is one that Stripe knows and this emulator does not carry out:
 * taking it silently would let a client believe it had worked.
 */
type Spec =
  | 'string'
  | 'integer'
  | 'boolean'
  | 'metadata'
  | 'strings'
  | 'refused'
  | { oneOf: readonly string[] }
  | { hash: Fields }
  | { range: true };
export type Fields = { readonly [name: string]: Spec };

type Value<S> = S extends 'integer'
  ? number
  : S extends 'boolean'
    ? boolean
    : S extends 'metadata'
      ? Record<string, string>
      : S extends 'strings'
        ? string[]
        : S extends { oneOf: readonly (infer Name)[] }
          ? Name | ''
          : S extends { hash: infer Inner }
            ? Params<Inner>
            : S extends { range: true }
              ? Range
              : S extends 'refused'
                ? never
                : string;

/** Unix seconds; a bare number in the request is both `gte` and `lte`. */
export type Range = { gt?: number; gte?: number; lt?: number; lte?: number };
export type Params<F> = { -readonly [Name in keyof F]?: Value<F[Name]> };

/** Every endpoint takes `expand`. */
const COMMON = { expand: 'strings' } as const;

/**
 * Types the parameters of one endpoint, or throws Stripe's 400: `parameter_unknown`,
 * `parameter_missing`, `parameter_invalid_empty`, `parameter_invalid_integer`, and their like.
 */
export function readParams<const F extends Fields>(
  form: Form,
  fields: F,
  required: readonly (keyof F & string)[] = [],
): Params<F & typeof COMMON> {
  const read = readHash(form, { ...COMMON, ...fields }, '');
  for (const name of required) {
    if (!(name in form)) {
      throw invalidParam(name, 'parameter_missing', `Missing required param: ${name}.`);
    }
    if (form[name] === '') {
      throw emptyParam(name);
    }
  }
  return read as Params<F & typeof COMMON>;
}

function emptyParam(param: string): StripeError {
  return invalidParam(param, 'parameter_invalid_empty', `${param} must not be empty.`);
}

function readHash(form: Form, fields: Fields, under: string): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(form)) {
    const param = under === '' ? name : `${under}[${name}]`;
    const spec = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (spec === undefined) {
      throw invalidParam(param, 'parameter_unknown', `Received unknown parameter: ${param}`);
    }
    out[name] = readValue(value, spec, param);
  }
  return out;
}

function readValue(value: FormValue, spec: Spec, param: string): unknown {
  if (typeof spec === 'object') {
    if ('hash' in spec) return readHash(asHash(value, param), spec.hash, param);
    if ('range' in spec) return readRange(value, param);
    return readOneOf(asString(value, param), spec.oneOf, param);
  }
  switch (spec) {
    case 'string':
      return asString(value, param);
    case 'integer':
      return readInteger(asString(value, param), param);
    case 'boolean':
      return readBoolean(asString(value, param), param);
    case 'metadata':
      return readMetadata(value, param);
    case 'strings':
      return readStrings(value, param);
    case 'refused':
      throw invalidParam(
        param,
        'not_emulated',
        `${param} exists at Stripe but this emulator does not carry it out. Leave it out.`,
      );
  }
}

function asString(value: FormValue, param: string): string {
  if (typeof value === 'string') return value;
  throw invalidParam(param, 'parameter_invalid_string', `Invalid string for ${param}.`);
}

function asHash(value: FormValue, param: string): Form {
  if (value === '') return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value;
  throw invalidParam(param, 'parameter_invalid_object', `Invalid object for ${param}.`);
}

function readInteger(text: string, param: string): number {
  if (text === '') throw emptyParam(param);
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw invalidParam(param, 'parameter_invalid_integer', `Invalid integer: ${text.slice(0, 40)}`);
}

function readBoolean(text: string, param: string): boolean {
  if (text === '') throw emptyParam(param);
  if (text === 'true' || text === 'false') return text === 'true';
  throw invalidParam(param, 'parameter_invalid_boolean', `Invalid boolean for ${param}.`);
}

function readOneOf(text: string, allowed: readonly string[], param: string): string {
  if (text === '' || allowed.includes(text)) return text;
  const message = `Invalid ${param}: must be one of ${allowed.join(', ')}`;
  throw invalidParam(param, 'parameter_invalid_enum', message);
}

function readStrings(value: FormValue, param: string): string[] {
  if (value === '') return [];
  if (Array.isArray(value)) return value.map((item, at) => asString(item, `${param}[${at}]`));
  throw invalidParam(param, 'parameter_invalid_array', `Invalid array for ${param}.`);
}

/** Limits of docs.stripe.com/api/metadata: 50 keys of 40 characters, values of 500. */
function readMetadata(value: FormValue, param: string): Record<string, string> {
  const entries = Array.isArray(value) ? value.entries() : Object.entries(asHash(value, param));
  const out: Record<string, string> = {};
  for (const [key, item] of entries) {
    const name = String(key);
    const text = asString(item, `${param}[${name}]`);
    if (name.length > 40 || text.length > 500) {
      const message = 'Metadata keys hold up to 40 characters and values up to 500.';
      throw invalidParam(`${param}[${name.slice(0, 40)}]`, 'metadata_too_long', message);
    }
    out[name] = text;
  }
  if (Object.keys(out).length > 50) {
    throw invalidParam(param, 'metadata_too_many', 'Metadata holds up to 50 keys.');
  }
  return out;
}

function readRange(value: FormValue, param: string): Range {
  if (typeof value === 'string') {
    const at = readInteger(value, param);
    return { gte: at, lte: at };
  }
  const fields = { gt: 'integer', gte: 'integer', lt: 'integer', lte: 'integer' } as const;
  return readHash(asHash(value, param), fields, param);
}
