import type { Emulator, Play } from './emulator.ts';
import { invalidParam } from './errors.ts';
import type { Form } from './form.ts';
import { readParams } from './params.ts';
import type { Fields, Params } from './params.ts';

/** One request, after its key was accepted. */
export type Call = {
  account: string;
  requestId: string;
  idempotencyKey: string | null;
  apiVersion: string;
  /** Asked with a publishable key, as a browser does. */
  publishable: boolean;
  /** Where the pages are that a customer is sent to; no slash at the end. */
  pagesUrl: string;
  play?: Play;
  /** The id in the path, or the empty text. */
  id: string;
};

/** One path of the API. `prepare` throws on wrong parameters; what it answers is the execution. */
export type Endpoint = {
  method: 'get' | 'post' | 'delete';
  path: string;
  /** A publishable key may call it, with the object's client secret. */
  publishable: boolean;
  prepare(form: Form): (emulator: Emulator, call: Call) => unknown;
};

type Definition<F extends Fields> = {
  fields: F;
  required?: readonly (keyof F & string)[];
  /** Property paths that `expand` may name. */
  expandable?: readonly string[];
  publishable?: true;
  run: (emulator: Emulator, call: Call, params: Params<F>) => unknown;
};

/** `endpoint('post /v1/refunds', { fields, required, run })` */
export function endpoint<const F extends Fields>(at: string, definition: Definition<F>): Endpoint {
  const [method, path] = at.split(' ') as [Endpoint['method'], string];
  const { fields, required = [], expandable = [], run } = definition;
  return {
    method,
    path,
    publishable: definition.publishable === true,
    prepare(form) {
      const params = readParams(form, fields, required);
      const paths = (params as { expand?: string[] }).expand ?? [];
      const wrong = paths.find((name) => !expandable.includes(name));
      if (wrong !== undefined) {
        const message = `This property cannot be expanded (${wrong.slice(0, 60)}).`;
        throw invalidParam('expand', 'property_not_expandable', message);
      }
      return (emulator, call) => {
        const answer = run(emulator, call, params as Params<F>);
        return paths.reduce((object, name) => expand(emulator, object, name.split('.')), answer);
      };
    },
  };
}

/** Puts objects in the place of their ids along one path (docs.stripe.com/api/expanding_objects). */
function expand(emulator: Emulator, object: unknown, [name, ...rest]: string[]): unknown {
  if (name === undefined || object === null || object === undefined) return object;
  if (typeof object === 'string') return expand(emulator, byId(emulator, object), [name, ...rest]);
  if (Array.isArray(object)) return object.map((item) => expand(emulator, item, [name, ...rest]));
  const hash = object as Record<string, unknown>;
  const value = hash[name];
  const whole = typeof value === 'string' ? (byId(emulator, value) ?? value) : value;
  return { ...hash, [name]: expand(emulator, whole, rest) };
}

function byId({ state }: Emulator, id: string): unknown {
  const { intents, charges, methods, customers, refunds } = state;
  for (const rows of [intents, charges, methods, customers, refunds]) {
    const row = rows.get(id);
    if (row !== undefined) return row.object;
  }
  return undefined;
}
