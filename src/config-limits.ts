import { z } from 'zod';
import type { ChannelFigures } from './domain/limits.ts';
import type { LoadBounds } from './domain/load.ts';
import { LOAD_BOUNDS } from './domain/load.ts';
import type { RequestFigures } from './domain/request-limits.ts';
import { REQUEST_FIGURES } from './domain/request-limits.ts';

/** How the figures of a channel are written in one setting: `account=600,shared=10000`. */
const NAMES = {
  queue: 'queuePerSecond',
  account: 'accountPerMinute',
  shared: 'sharedPerMinute',
  'at-once': 'atOnce',
} as const satisfies Record<string, keyof ChannelFigures>;

const HINT = `is a list like account=600,shared=10000; names are ${Object.keys(NAMES).join(', ')}, and "none" lifts shared or at-once`;

/** What is not given stays as it is by default. */
export const channelFigures = (byDefault: ChannelFigures) =>
  z
    .string()
    .default('')
    .transform((text, context): ChannelFigures => {
      const figures = { ...byDefault };
      for (const part of text.split(',').filter((one) => one.trim() !== '')) {
        const [name = '', value = ''] = part.split('=').map((one) => one.trim());
        const key = Object.hasOwn(NAMES, name) ? NAMES[name as keyof typeof NAMES] : null;
        const mayBeNone = key === 'sharedPerMinute' || key === 'atOnce';
        if (mayBeNone && value === 'none') figures[key] = null;
        else if (key !== null && /^[1-9]\d{0,6}$/.test(value)) figures[key] = Number(value);
        else context.addIssue({ code: 'custom', message: HINT });
      }
      return figures;
    });

const written = (figures: ChannelFigures): string =>
  Object.entries(NAMES)
    .flatMap(([name, key]) => (figures[key] === null ? [] : [`${name}=${figures[key]}`]))
    .join(',');

/** Sources: Calendar API "Manage quotas"; Graph "Outlook service limits"; the others state none. */
export const GOOGLE_FIGURES: ChannelFigures = {
  queuePerSecond: 150,
  accountPerMinute: 600,
  sharedPerMinute: 10_000,
  atOnce: null,
};
export const MICROSOFT_FIGURES: ChannelFigures = {
  queuePerSecond: 300,
  accountPerMinute: 1_000,
  sharedPerMinute: null,
  atOnce: 4,
};
export const CALDAV_FIGURES: ChannelFigures = {
  queuePerSecond: 100,
  // No server tells its limit; a first sync of ten thousand entries, a hundred a request, fits in.
  accountPerMinute: 1_200,
  sharedPerMinute: 3_000,
  atOnce: 2,
};
export const ICAL_FIGURES: ChannelFigures = {
  queuePerSecond: 100,
  accountPerMinute: 60,
  sharedPerMinute: 1_200,
  atOnce: null,
};

/** One setting's text, for `.env.example`. */
export const limitsText = (who: string, figures: ChannelFigures) => ({
  about: `Limits of ${who}: activities a second (queue), requests a minute (account, shared), calls open at once.`,
  example: written(figures),
});

const REQUEST_NAMES = {
  'key-read': 'keyReads',
  'key-write': 'keyWrites',
  'tenant-read': 'tenantReads',
  'tenant-write': 'tenantWrites',
  address: 'address',
} as const satisfies Record<string, keyof RequestFigures>;

const LOAD_NAMES = {
  open: 'open',
  starts: 'starts',
  waiting: 'waiting',
  'wait-ms': 'waitMs',
  'lag-ms': 'lagMs',
  'database-wait-ms': 'databaseWaitMs',
} as const satisfies Record<string, keyof LoadBounds>;

/** Figures that are whole numbers and always there, as a list; what is not given stays by default. */
const figuresOf = <K extends string>(
  names: Readonly<Record<string, K>>,
  byDefault: Record<K, number>,
) =>
  z
    .string()
    .default('')
    .transform((text, context): Record<K, number> => {
      const figures = { ...byDefault };
      for (const part of text.split(',').filter((one) => one.trim() !== '')) {
        const [name = '', value = ''] = part.split('=').map((one) => one.trim());
        const key = Object.hasOwn(names, name) ? names[name] : undefined;
        if (key !== undefined && /^[1-9]\d{0,6}$/.test(value)) figures[key] = Number(value);
        else
          context.addIssue({
            code: 'custom',
            message: `is a list like ${Object.keys(names)[0]}=1000; names are ${Object.keys(names).join(', ')}, each with a whole number from 1`,
          });
      }
      return figures;
    });

const listed = <K extends string>(names: Record<string, K>, figures: Record<K, number>): string =>
  Object.entries(names)
    .map(([name, key]) => `${name}=${figures[key]}`)
    .join(',');

/** What the API takes in. */
export const API_LIMITS = {
  apiConnections: {
    name: 'HOLDFAST_API_CONNECTIONS',
    schema: z.coerce.number().int().min(10).max(100_000).default(10_000),
    about: 'Connections the API has open at once; further ones are closed at once.',
    example: '10000',
  },
  proxies: {
    name: 'HOLDFAST_PROXIES',
    schema: z.coerce.number().int().min(0).max(10).default(0),
    about: "Your proxies in front of the API that add the caller's address to X-Forwarded-For.",
    example: '1',
  },
  requestFigures: {
    name: 'HOLDFAST_REQUEST_LIMITS',
    schema: figuresOf(REQUEST_NAMES, REQUEST_FIGURES),
    about: 'Requests a minute of one key, one tenant, and one address that shows no key.',
    example: listed(REQUEST_NAMES, REQUEST_FIGURES),
  },
  loadBounds: {
    name: 'HOLDFAST_LOAD_LIMITS',
    schema: figuresOf(LOAD_NAMES, LOAD_BOUNDS),
    about:
      'When new bookings are refused with 503: without an outcome anywhere; starting in a process; in line for one resource, and for how long; lateness of the event loop; wait for a database connection.',
    example: listed(LOAD_NAMES, LOAD_BOUNDS),
  },
};
