import type { Bench } from './bench.ts';
export const visible: Bench = { name: 'visible', run: async () => [] };
