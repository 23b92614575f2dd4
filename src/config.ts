import { z } from 'zod';
import {
  API_LIMITS,
  CALDAV_FIGURES,
  channelFigures,
  GOOGLE_FIGURES,
  ICAL_FIGURES,
  limitsText,
  MICROSOFT_FIGURES,
} from './config-limits.ts';
import { parseKeyring, type Keyring } from './vault.ts';

/**
 * The settings of both processes, parsed once and frozen. Every `HOLDFAST_*` variable is listed
 * here, those of the API's limits by their group; an unknown one is refused by name, because a misspelt setting is a silent
 * default. `.env.example` is generated from this list.
 */
interface Setting {
  name: string;
  schema: z.ZodType;
  /** One line for `.env.example`. */
  about: string;
  example: string;
}

const port = z.coerce.number().int().min(0).max(65_535);

const ms = z.coerce.number().int().positive();
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== ''),
);
const url = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/+$/, ''));

const settings = {
  environment: setting(
    'HOLDFAST_ENV',
    z.enum(['development', 'production']).default('production'),
    {
      about:
        '`development` is set by `npm start`; `production` refuses demo keys and plain defaults.',
      example: 'production',
    },
  ),
  databaseUrl: setting('DATABASE_URL', z.string('is needed: a PostgreSQL address'), {
    about: 'PostgreSQL as the application role.',
    example: 'postgresql://holdfast_app:…@localhost:5432/holdfast',
  }),
  databasePoolSize: setting('HOLDFAST_DATABASE_POOL', z.coerce.number().int().min(2).default(16), {
    about: 'Connections to PostgreSQL per process.',
    example: '16',
  }),
  keyring: setting('HOLDFAST_KEYRING', z.string('is needed').transform(toKeyring), {
    about: 'Sealing keys `id:base64-of-32-bytes`, comma-separated; the first seals, all open.',
    example: 'k1:…',
  }),
  apiHost: setting('HOLDFAST_API_HOST', z.string().default('127.0.0.1'), {
    about: 'Address the API listens on.',
    example: '127.0.0.1',
  }),
  apiPort: setting('HOLDFAST_API_PORT', port.default(8400), {
    about: 'Port of the API.',
    example: '8400',
  }),
  ...API_LIMITS,
  workerHealthPort: setting('HOLDFAST_WORKER_PORT', port.default(0), {
    about: "Port of the worker's health and metrics; 0 takes a free one.",
    example: '8401',
  }),
  publicUrl: setting('HOLDFAST_PUBLIC_URL', url.optional(), {
    about: 'Where channels reach this API from outside (https). Without it, calendars are polled.',
    example: 'https://calendar.example.com',
  }),
  taskQueue: setting('HOLDFAST_TASK_QUEUE', z.string().min(1).default('holdfast'), {
    about: 'Temporal task queue; channels use `<queue>-<channel>`.',
    example: 'holdfast',
  }),
  buildId: setting('HOLDFAST_BUILD_ID', z.string().min(1).optional(), {
    about: 'Turns Worker Versioning on and names this build.',
    example: '2026-11-21.1',
  }),
  horizonDays: setting(
    'HOLDFAST_HORIZON_DAYS',
    z.coerce.number().int().min(30).max(1_100).default(548),
    {
      about: 'How many days ahead outside events are expanded into busy time.',
      example: '548',
    },
  ),
  pollsPerHour: setting(
    'HOLDFAST_POLLS_PER_HOUR',
    z.coerce.number().int().min(1).max(36_000).default(600),
    {
      about: "Polls of one account's calendars together; beyond it they are polled less often.",
      example: '600',
    },
  ),
  nightlyListing: setting('HOLDFAST_NIGHTLY_LISTING', z.stringbool().default(true), {
    about: 'Reads each calendar whole once a night, in its own night, and repairs what differs.',
    example: 'true',
  }),
  freeBusyMinutes: setting(
    'HOLDFAST_FREE_BUSY_MINUTES',
    z.coerce.number().int().min(0).max(10_080).default(240),
    {
      about:
        "About how often a channel's own free/busy answer is compared with our copy; 0: never.",
      example: '240',
    },
  ),
  freeBusyDays: setting(
    'HOLDFAST_FREE_BUSY_DAYS',
    z.coerce.number().int().min(1).max(60).default(14),
    { about: 'How many days ahead it is compared.', example: '14' },
  ),
  sweepIntervalMs: setting('HOLDFAST_SWEEP_MS', ms.default(5_000), {
    about: 'How often the sweeper looks for notifications left behind and holds left open.',
    example: '5000',
  }),
  outboundAllow: setting('HOLDFAST_OUTBOUND_ALLOW', list.default([]), {
    about: 'host:port entries that user-given addresses may reach although they are private.',
    example: '127.0.0.1:4300',
  }),
  outboundPorts: setting(
    'HOLDFAST_OUTBOUND_PORTS',
    list
      .transform((ports) => ports.map(Number))
      .pipe(z.array(z.number().int().min(1).max(65_535)))
      .default([80, 443, 8443]),
    {
      about: 'Ports that user-given addresses may use.',
      example: '80,443,8443',
    },
  ),
  googleApiUrl: setting('HOLDFAST_GOOGLE_API_URL', url.default('https://www.googleapis.com'), {
    about: 'Origin of the Google Calendar API.',
    example: 'https://www.googleapis.com',
  }),
  googleAuthUrl: setting(
    'HOLDFAST_GOOGLE_AUTH_URL',
    url.default('https://accounts.google.com/o/oauth2/v2/auth'),
    {
      about: "Google's consent page.",
      example: 'https://accounts.google.com/o/oauth2/v2/auth',
    },
  ),
  googleTokenUrl: setting(
    'HOLDFAST_GOOGLE_TOKEN_URL',
    url.default('https://oauth2.googleapis.com/token'),
    {
      about: "Google's token endpoint.",
      example: 'https://oauth2.googleapis.com/token',
    },
  ),
  googleClientId: setting('HOLDFAST_GOOGLE_CLIENT_ID', z.string().default(''), {
    about: 'OAuth client of your Google project; empty means Google cannot be connected.',
    example: '…apps.googleusercontent.com',
  }),
  googleClientSecret: setting('HOLDFAST_GOOGLE_CLIENT_SECRET', z.string().default(''), {
    about: 'Its secret.',
    example: '…',
  }),
  microsoftApiUrl: setting(
    'HOLDFAST_MICROSOFT_API_URL',
    url.default('https://graph.microsoft.com'),
    { about: 'Origin of Microsoft Graph.', example: 'https://graph.microsoft.com' },
  ),
  microsoftAuthUrl: setting(
    'HOLDFAST_MICROSOFT_AUTH_URL',
    url.default('https://login.microsoftonline.com/common/oauth2/v2.0/authorize'),
    {
      about:
        "Microsoft's consent page; put a tenant in place of `common` to admit only its people.",
      example: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
    },
  ),
  microsoftTokenUrl: setting(
    'HOLDFAST_MICROSOFT_TOKEN_URL',
    url.default('https://login.microsoftonline.com/common/oauth2/v2.0/token'),
    {
      about: "Microsoft's token endpoint, of the same tenant.",
      example: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
    },
  ),
  microsoftClientId: setting('HOLDFAST_MICROSOFT_CLIENT_ID', z.string().default(''), {
    about: 'Your application in Microsoft Entra; empty means Microsoft 365 cannot be connected.',
    example: '00000000-0000-0000-0000-000000000000',
  }),
  microsoftClientSecret: setting('HOLDFAST_MICROSOFT_CLIENT_SECRET', z.string().default(''), {
    about: 'Its secret.',
    example: '…',
  }),
  microsoftSharedCalendars: setting(
    'HOLDFAST_MICROSOFT_SHARED_CALENDARS',
    z.stringbool().default(false),
    {
      about: 'Also asks for calendars that other people share with the owner: a wider consent.',
      example: 'false',
    },
  ),
  microsoftSubscriptionMinutes: setting(
    'HOLDFAST_MICROSOFT_SUBSCRIPTION_MINUTES',
    z.coerce.number().int().min(60).max(10_080).default(4_200),
    {
      about: 'Life asked for a Graph subscription; documents name 4,230 and 10,080 as the most.',
      example: '4200',
    },
  ),
  caldavParties: setting('HOLDFAST_CALDAV_PARTIES', list.default(['icloud.com']), {
    about:
      'Domains whose https hosts share a CalDAV password, or hosts with ports joined by `+`; else only the host it was given for gets it.',
    example: 'icloud.com',
  }),
  googleLimits: setting(
    'HOLDFAST_GOOGLE_LIMITS',
    channelFigures(GOOGLE_FIGURES),
    limitsText('a Google user, and of your Google project (shared)', GOOGLE_FIGURES),
  ),
  microsoftLimits: setting(
    'HOLDFAST_MICROSOFT_LIMITS',
    channelFigures(MICROSOFT_FIGURES),
    limitsText('a Microsoft mailbox', MICROSOFT_FIGURES),
  ),
  caldavLimits: setting(
    'HOLDFAST_CALDAV_LIMITS',
    channelFigures(CALDAV_FIGURES),
    limitsText('a CalDAV account, and of its host (shared)', CALDAV_FIGURES),
  ),
  icalLimits: setting(
    'HOLDFAST_ICAL_LIMITS',
    channelFigures(ICAL_FIGURES),
    limitsText('a feed, and of its host (shared)', ICAL_FIGURES),
  ),
  stripeApiUrl: setting('HOLDFAST_STRIPE_API_URL', url.default('https://api.stripe.com'), {
    about: 'Origin of the Stripe API.',
    example: 'https://api.stripe.com',
  }),
  stripeJsUrl: setting('HOLDFAST_STRIPE_JS_URL', url.default('https://js.stripe.com/v3/'), {
    about: 'Script of Stripe for browsers, on the page behind payment links.',
    example: 'https://js.stripe.com/v3/',
  }),
};

/** Used by `npm start` and its kin only; the services accept and ignore them. */
export const LAUNCH_SETTINGS = {
  HOLDFAST_UI_PORT: { about: 'Port of Temporal UI under `npm start`.', example: '8233' },
} as const;

function toKeyring(text: string, context: z.RefinementCtx): Keyring {
  try {
    return parseKeyring(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
}

function setting<S extends z.ZodType>(
  name: string,
  schema: S,
  text: { about: string; example: string },
): { name: string; schema: S } & typeof text {
  return { name, schema, ...text };
}

export type Config = {
  readonly [K in keyof typeof settings]: z.output<(typeof settings)[K]['schema']>;
};

/** All settings, in the order of `.env.example`. */
export const SETTINGS: readonly Setting[] = Object.values(settings);

/** Says which setting is wrong and what it should be; never shows the value given. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

export function loadConfig(env: Record<string, string | undefined>): Config {
  const problems: string[] = [];
  const known = new Set([...SETTINGS.map((one) => one.name), ...Object.keys(LAUNCH_SETTINGS)]);
  for (const name of Object.keys(env)) {
    if (name.startsWith('HOLDFAST_') && !known.has(name))
      problems.push(`${name} is not a setting; see .env.example`);
  }
  const values: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(settings)) {
    const given = env[one.name];
    // A blank is no value: read as a number it would be 0.
    const parsed = one.schema.safeParse(given?.trim() === '' ? undefined : given);
    if (parsed.success) values[key] = parsed.data;
    else
      problems.push(
        `${one.name}: ${parsed.error.issues[0]?.message ?? 'is not valid'} (${one.about})`,
      );
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return Object.freeze(values) as Config;
}
