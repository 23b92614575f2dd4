const FOLD = /\r?\n[ \t]/g;

/**
 * The text of a feed. Lines are unfolded as bytes, because some writers fold in the middle of a
 * UTF-8 character (RFC 5545 §3.1); what is not UTF-8 is read in the charset the host names.
 */
export function decodeFeed(body: Uint8Array, contentType: string | undefined): string {
  const unfolded = Buffer.from(Buffer.from(body).toString('latin1').replace(FOLD, ''), 'latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(unfolded);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return new TextDecoder(charsetOf(contentType)).decode(unfolded);
  }
}

/** The charset the host names, where it is one we can read. */
function charsetOf(contentType: string | undefined): string {
  const charset = /charset="?([\w.:-]+)/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).encoding;
  } catch (error) {
    if (error instanceof RangeError) return 'utf-8';
    throw error;
  }
}
