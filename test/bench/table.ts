import type { Line } from './bench.ts';

const COLUMNS = ['name', 'value', 'unit', 'reference', 'ratio', 'aim', 'holds'] as const;

/** The one table: a row a line, numbers short enough to compare by eye. */
export function tableOf(lines: readonly Line[]): string {
  const rows = [COLUMNS, ...lines.map((line) => COLUMNS.map((column) => shown(line[column])))];
  const widths = COLUMNS.map((_, index) => Math.max(...rows.map((row) => row[index]!.length)));
  const rule = widths.map((width) => '-'.repeat(width));
  return [rows[0]!, rule, ...rows.slice(1)]
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function shown(value: Line[keyof Line]): string {
  if (value === null) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'NO';
  if (typeof value === 'string') return value;
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 2);
}
