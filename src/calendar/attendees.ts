import type { ContentLine } from './content-lines.ts';

/**
 * Whether every invitation of these addresses (see `addressName`) in one entry was declined
 * (RFC 5545 §3.2.12). Of one person's several addresses, one that did not decline keeps the time.
 * Whoever answered in their place (SENT-BY) or on whose behalf (DELEGATED-TO) is somebody else.
 */
export function isDeclined(
  lines: readonly ContentLine[],
  addresses: ReadonlySet<string> | undefined,
): boolean {
  if (!addresses || addresses.size === 0) return false;
  const own = lines.filter((line) => line.name === 'ATTENDEE' && isOneOf(line, addresses));
  return (
    own.length > 0 &&
    own.every(({ params }) => params.get('PARTSTAT')?.toUpperCase() === 'DECLINED')
  );
}

/** Servers that write a principal's address for an attendee tell the other in EMAIL (RFC 7986 §6.2). */
function isOneOf({ value, params }: ContentLine, addresses: ReadonlySet<string>): boolean {
  const email = params.get('EMAIL');
  return (
    addresses.has(addressName(value)) ||
    (email !== undefined && addresses.has(addressName(email.replace(/^(?:mailto:)?/i, 'mailto:'))))
  );
}

/** Equal for two spellings of one calendar user address (RFC 5545 §3.3.3): mail and URN in any case. */
export function addressName(address: string): string {
  const written = address.trim();
  if (/^mailto:/i.test(written)) return decoded(written.replace(/\?.*$/s, '')).toLowerCase();
  return /^urn:/i.test(written) ? written.toLowerCase() : written.replace(/(?<=.)\/$/, '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
