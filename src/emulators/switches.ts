import type { Collection } from './collection.ts';

/** A named behaviour of an emulated host: on or off, a number, or one of a few words. */
export type SwitchValue = boolean | number | string;

type Widened<T> = {
  readonly [K in keyof T]: T[K] extends boolean ? boolean : T[K] extends number ? number : string;
};

export interface SwitchBoard {
  /**
   * Declares a host's switches with their defaults and gives the live values: read them at each use.
   * The control API knows them as `<host>.<name>`. `choices` lists what a word may be.
   */
  declare<T extends Record<string, SwitchValue>>(
    host: string,
    defaults: T,
    choices?: Partial<Record<keyof T, readonly string[]>>,
  ): Widened<T>;
  all(): Record<string, SwitchValue>;
  /** Sets switches by full name; answers what is wrong, or undefined when all were set. */
  change(wanted: Record<string, unknown>): string | undefined;
  reset(): void;
}

interface Declared {
  live: Record<string, SwitchValue>;
  key: string;
  initial: SwitchValue;
  choices: readonly string[] | undefined;
}

export function createSwitchBoard(stored: Collection<SwitchValue>): SwitchBoard {
  const declared = new Map<string, Declared>();
  return {
    declare(host, defaults, choices) {
      const live: Record<string, SwitchValue> = {};
      for (const [key, initial] of Object.entries(defaults)) {
        const name = `${host}.${key}`;
        live[key] = stored.get(name) ?? initial;
        declared.set(name, { live, key, initial, choices: choices?.[key] });
      }
      return live as Widened<typeof defaults>;
    },
    all: () =>
      Object.fromEntries([...declared].map(([name, { live, key }]) => [name, live[key]!] as const)),
    change(wanted) {
      for (const [name, value] of Object.entries(wanted)) {
        const wrong = complaint(declared, name, value);
        if (wrong !== undefined) return wrong;
      }
      for (const [name, value] of Object.entries(wanted)) {
        const { live, key } = declared.get(name)!;
        live[key] = value as SwitchValue;
        stored.set(name, value as SwitchValue);
      }
      return undefined;
    },
    reset() {
      stored.clear();
      for (const { live, key, initial } of declared.values()) live[key] = initial;
    },
  };
}

function complaint(
  declared: ReadonlyMap<string, Declared>,
  name: string,
  value: unknown,
): string | undefined {
  const known = declared.get(name);
  if (known === undefined) {
    return `No switch is called ${name}. Known: ${[...declared.keys()].toSorted().join(', ')}.`;
  }
  const kind = typeof known.initial;
  if (typeof value !== kind) return `Switch ${name} takes a ${kind}.`;
  if (known.choices !== undefined && !known.choices.includes(value as string)) {
    return `Switch ${name} takes one of: ${known.choices.join(', ')}.`;
  }
  return undefined;
}
