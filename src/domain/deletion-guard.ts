/**
 * The deletion guard: which entries missing from a complete listing are believed gone. A feed that
 * loses most of what it had is more often broken than empty, and believing it sells time twice.
 */
export interface MissingEvent {
  nativeId: string;
  /** How many busy spans of it lie in the future; 0 for ended, free and mirrored entries. */
  futureSpans: number;
  /** Same span as an entry this listing added: the channel only renamed it. */
  renamed: boolean;
  /** When a complete listing first lacked it; null when this one is the first. */
  missingSinceAt: number | null;
}

export interface GuardInput {
  missing: readonly MissingEvent[];
  /** Future busy spans of the whole calendar, missing ones included. */
  futureSpans: number;
  nowAt: number;
  /** How long absence must last on this channel before it counts at all. */
  absenceConfirmMs: number;
  /** An operator looked and believes the channel. */
  acceptRemovals: boolean;
}

export interface GuardVerdict {
  gone: string[];
  /** Known to be missing, still blocking. */
  heldBack: string[];
  /** True when so much vanished that a person should look. */
  guarded: boolean;
}

const SHARE_FROM = 8;
const ALL_FROM = 3;

export function guardRemovals(input: GuardInput): GuardVerdict {
  const counted = new Set(input.missing.filter((one) => one.futureSpans > 0 && !one.renamed));
  const lost = [...counted].reduce((sum, one) => sum + one.futureSpans, 0);
  const suspicious =
    (input.futureSpans >= SHARE_FROM && lost * 2 > input.futureSpans) ||
    (input.futureSpans >= ALL_FROM && lost === input.futureSpans);
  const verdict: GuardVerdict = { gone: [], heldBack: [], guarded: false };
  for (const one of input.missing) {
    const seenMissingMs = one.missingSinceAt === null ? -1 : input.nowAt - one.missingSinceAt;
    const secondRead = seenMissingMs >= input.absenceConfirmMs;
    const needsSecondRead = counted.has(one) && (suspicious || input.absenceConfirmMs > 0);
    if (input.acceptRemovals || !needsSecondRead || secondRead) verdict.gone.push(one.nativeId);
    else verdict.heldBack.push(one.nativeId);
  }
  verdict.guarded = suspicious && verdict.heldBack.length > 0;
  return verdict;
}
