import { z } from 'zod';
import type { ChannelFigures } from './domain/limits.ts';

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
  accountPerMinute: 600,
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
