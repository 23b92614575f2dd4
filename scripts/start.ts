/** `npm start`: everything Holdfast needs, from one terminal, with its state in `.holdfast/`. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startHoldfast } from './holdfast.ts';

const { values } = parseArgs({
  options: {
    fresh: { type: 'boolean', default: false },
    yes: { type: 'boolean', default: false },
    watch: { type: 'boolean', default: false },
  },
});

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
await startHoldfast({ root, ...values });
