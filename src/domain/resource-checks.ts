import { dayOfText } from './local-days.ts';
import type {
  CancellationTier,
  NightRules,
  OpeningException,
  ResourceSettings,
} from './resource.ts';

/** What is wrong, and where: a path below `settings`. */
export interface SettingsFault {
  path: (string | number)[];
  message: string;
}

/** Settings of which each is possible by itself, and that together cannot be meant. */
export function settingsFaults(settings: ResourceSettings): SettingsFault[] {
  const { soldBy, nights, noticeMs, windowMs, minDurationMs, maxDurationMs } = settings;
  return [
    ...(soldBy === 'night' ? soldByNightFaults(settings) : []),
    ...when(
      soldBy !== 'night' && nights !== null,
      ['nights'],
      'is for `soldBy` `night` only: set it to null, or `soldBy` to `night`',
    ),
    ...(nights ? nightFaults(nights) : []),
    ...settings.exceptions.flatMap(exceptionFaults),
    ...when(
      windowMs !== null && windowMs <= noticeMs,
      ['windowMs'],
      'must be longer than noticeMs, or nothing can ever be booked',
    ),
    ...when(
      minDurationMs !== null && maxDurationMs !== null && minDurationMs > maxDurationMs,
      ['minDurationMs'],
      'must not be longer than maxDurationMs',
    ),
    ...when(
      soldBy === 'session' && settings.price?.per === 'night',
      ['price', 'per'],
      'must be `booking` or `unit` where sessions are sold; `unit` is for each place',
    ),
    ...tierFaults(settings.cancellation),
  ];
}

function soldByNightFaults(settings: ResourceSettings): SettingsFault[] {
  const instead = 'does not go with `soldBy` `night`';
  const closedOrOpen = settings.exceptions.findIndex(
    ({ open }) =>
      open.length > 1 || (open[0] && (open[0].from !== '00:00' || open[0].to !== '24:00')),
  );
  return [
    ...when(settings.nights === null, ['nights'], 'is needed where `soldBy` is `night`'),
    ...when(
      settings.opening.length > 0,
      ['opening'],
      `${instead}: close nights by exceptions, and arrivals by \`nights\``,
    ),
    ...when(
      closedOrOpen !== -1,
      ['exceptions', closedOrOpen, 'open'],
      'must be empty, for nights that are closed, or 00:00 to 24:00, for nights that are open again, where `soldBy` is `night`',
    ),
    ...when(settings.minDurationMs !== null, ['minDurationMs'], `${instead}: use minNights`),
    ...when(settings.maxDurationMs !== null, ['maxDurationMs'], `${instead}: use maxNights`),
  ];
}

function nightFaults(nights: NightRules): SettingsFault[] {
  const at = (...path: (string | number)[]) => ['nights', ...path];
  return [
    ...when(
      nights.checkOut > nights.checkIn,
      at('checkOut'),
      'must not be later in the day than checkIn, or one guest is there when the next arrives',
    ),
    ...when(
      nights.minNights > nights.maxNights,
      at('minNights'),
      'must not be more than maxNights',
    ),
    ...nights.seasons.flatMap((season, index) => {
      const { minNights, maxNights } = { ...nights, ...season };
      return [
        ...when(
          dayOfText(season.fromDay) > dayOfText(season.toDay),
          at('seasons', index, 'toDay'),
          'must not be before fromDay',
        ),
        ...when(
          minNights > maxNights,
          at('seasons', index),
          'comes, with what holds otherwise, to more minNights than maxNights',
        ),
      ];
    }),
  ];
}

function exceptionFaults(one: OpeningException, index: number): SettingsFault[] {
  return when(
    dayOfText(one.fromDay) > dayOfText(one.toDay),
    ['exceptions', index, 'toDay'],
    'must not be before fromDay',
  );
}

function tierFaults(tiers: readonly CancellationTier[]): SettingsFault[] {
  return tiers.flatMap((tier, index) => {
    const before = tiers[index - 1];
    if (!before || tier.beforeMs < before.beforeMs) return [];
    return [
      {
        path: ['cancellation', index, 'beforeMs'],
        message: 'must be shorter than in the tier before: write the earliest first',
      },
    ];
  });
}

const when = (is: boolean, path: (string | number)[], message: string): SettingsFault[] =>
  is ? [{ path, message }] : [];
