/** Microseconds that rise with every reading: Google's etags and positions are made of them. */
export interface Clock {
  nextMicros(): number;
  /** Never again read at or below this: called for everything found in stored state. */
  atLeast(micros: number): void;
}

export function createClock(): Clock {
  let last = 0;
  return {
    nextMicros() {
      last = Math.max(last + 1, Date.now() * 1000);
      return last;
    },
    atLeast(micros) {
      last = Math.max(last, micros);
    },
  };
}

/** Google's event etags are twice the change's microseconds, in quotation marks. */
export function etagOf(micros: number): string {
  return `"${micros * 2}"`;
}

/** The change's instant as `updated` shows it. */
export function instantText(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString();
}
