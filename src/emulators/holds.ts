/** Calls that wait, by name, until someone lets them go. */
export interface Holds {
  wait(name: string): Promise<void>;
  waiting(name: string): number;
  /** Lets go all that wait now; a later call under the same name waits again. */
  release(name: string): number;
  releaseAll(): void;
}

export function createHolds(): Holds {
  const waiters = new Map<string, (() => void)[]>();
  function release(name: string): number {
    const those = waiters.get(name) ?? [];
    waiters.delete(name);
    for (const go of those) go();
    return those.length;
  }
  return {
    wait: (name) =>
      new Promise((go) => {
        waiters.set(name, [...(waiters.get(name) ?? []), go]);
      }),
    waiting: (name) => waiters.get(name)?.length ?? 0,
    release,
    releaseAll() {
      for (const name of waiters.keys()) release(name);
    },
  };
}
