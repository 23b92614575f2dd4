import { VTIMEZONE_PREFIX, vtimezoneOffset } from './vtimezone.ts';

/**
 * Milliseconds that a zone is ahead of UTC at an instant; null when the zone is not known.
 * Zone data is the engine's own, asked through `Intl`, whose formatting answers in under a
 * microsecond once the formatter exists.
 */
export function offsetOf(zone: string, at: number): number | null {
  if (zone === 'UTC') return 0;
  if (zone.startsWith(VTIMEZONE_PREFIX)) return vtimezoneOffset(zone, at);
  const fixed = fixedOffset(zone);
  if (fixed !== null) return fixed;
  const formatter = formatterOf(zone);
  return formatter && readOffset(formatter.format(at));
}

function fixedOffset(zone: string): number | null {
  const match = /^([+-])(\d{2}):(\d{2})$/.exec(zone);
  if (!match) return null;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return (match[1] === '-' ? -minutes : minutes) * 60_000;
}

/**
 * The engine's spelling of a zone's name, or the name as given where the engine would answer with
 * another: engines disagree on which of two linked names is canonical. Null when unknown.
 */
export function spellingOf(zone: string): string | null {
  const canonical = formatterOf(zone)?.resolvedOptions().timeZone;
  if (canonical === undefined) return null;
  return canonical.toLowerCase() === zone.toLowerCase() ? canonical : zone;
}

/** Formatters are costly to make and cheap to ask; the cache never changes an answer. */
const formatters = new Map<string, Intl.DateTimeFormat | null>();
const FORMATTERS_KEPT = 1_000;

function formatterOf(zone: string): Intl.DateTimeFormat | null {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  if (formatters.size >= FORMATTERS_KEPT) formatters.clear();
  const made = makeFormatter(zone);
  formatters.set(zone, made);
  return made;
}

function makeFormatter(zone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      timeZoneName: 'longOffset',
      year: 'numeric',
    });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Reads `2026, GMT+01:00`, `GMT` for none, and seconds where history has them. */
function readOffset(text: string): number {
  const match = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (!match?.[1]) return 0;
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? '0');
  return (match[1] === '-' ? -seconds : seconds) * 1000;
}
