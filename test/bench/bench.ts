import type { Stage } from './stage.ts';

/** One row of the table; `--json` writes a list of these. */
export interface Line {
  name: string;
  value: number;
  unit: string;
  /** The same measure of the reference in the same run; null where a count stands for itself. */
  reference: number | null;
  ratio: number | null;
  aim: string;
  /** Null for what is only stated. */
  holds: boolean | null;
}

/** One measurement. Its lines are named like it, or begin with its name and a dash. */
export interface Bench {
  name: string;
  run(stage: Stage): Promise<Line[]>;
}

interface Measured {
  name: string;
  unit: string;
  value: number;
  reference: number;
}

/** A line whose aim is a ratio to the reference. */
export function ratioLine(measured: Measured, aim: { atLeast: number } | { atMost: number }): Line {
  const ratio = measured.value / measured.reference;
  const [text, holds] =
    'atLeast' in aim
      ? [`ratio ≥ ${aim.atLeast}`, ratio >= aim.atLeast]
      : [`ratio ≤ ${aim.atMost}`, ratio <= aim.atMost];
  return { ...measured, ratio, aim: text, holds };
}

/** A line whose aim is a limit of its own; the reference is for comparison. */
export function limitLine(
  measured: Omit<Measured, 'reference'> & { reference: number | null },
  limit: number,
): Line {
  const { value, reference } = measured;
  const ratio = reference === null || reference === 0 ? null : value / reference;
  return { ...measured, ratio, aim: `≤ ${limit}`, holds: value <= limit };
}
