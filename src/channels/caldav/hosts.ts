/**
 * Who may get an account's password: the origin it was given for, the same host over https, and
 * hosts of one party. iCloud keeps each account on a partition host under its own domain.
 */
export type Parties = readonly string[];

/**
 * Each entry of `parties` is a domain whose hosts, over https on its usual port only, belong
 * together, or names hosts with their ports joined by `+`.
 */
export function isOneParty(from: URL, to: URL, parties: Parties): boolean {
  if (from.origin === to.origin) return true;
  if (isUpgrade(from, to)) return true;
  return parties.some((party) =>
    party.includes('+')
      ? [from, to].every((url) => party.split('+').includes(url.host))
      : [from, to].every((url) => isUnder(url, party)),
  );
}

const isUpgrade = (from: URL, to: URL): boolean =>
  from.protocol === 'http:' &&
  to.protocol === 'https:' &&
  from.hostname === to.hostname &&
  from.port === '' &&
  to.port === '';

const isUnder = (url: URL, domain: string): boolean =>
  url.protocol === 'https:' &&
  url.port === '' &&
  (url.hostname === domain || url.hostname.endsWith(`.${domain}`));
