import { createHash, randomBytes } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Random letters and digits, as Stripe's ids and secrets end in. */
export function randomText(length: number): string {
  let text = '';
  for (const byte of randomBytes(length)) text += ALPHABET[byte % ALPHABET.length];
  return text;
}

/** `pi_3…`, `ch_3…`, `re_3…` share a longer form; everything else is `prefix_1…`. */
export function newId(prefix: string): string {
  return ['pi', 'ch', 're', 'py', 'pyr', 'payatt'].includes(prefix)
    ? `${prefix}_3${randomText(23)}`
    : `${prefix}_${prefix === 'req' ? '' : '1'}${randomText(prefix === 'req' ? 14 : 23)}`;
}

/** The same text for the same seed: a publishable key made from a secret one, a card fingerprint. */
export function derivedText(seed: string, length: number): string {
  const digest = createHash('sha512').update(seed).digest();
  let text = '';
  for (const byte of digest.subarray(0, length)) text += ALPHABET[byte % ALPHABET.length];
  return text;
}
