import type { Bench } from './bench.ts';
export const notifications: Bench = { name: 'notifications', run: async () => [] };
