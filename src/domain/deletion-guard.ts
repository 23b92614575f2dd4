/**
 * The deletion guard: which entries missing from a complete listing are believed gone. A feed that
 * loses most of what it had is more often broken than empty, and believing it sells time twice.
 */
export interface MissingEvent {
  nativeId: string;
  /** The series it belongs to; its own id where it is one, or single. */
  rootId: string;
  /**
   * How many busy spans of it are not over yet; 0 for ended, free and mirrored entries. A series
   * counts those of its exceptions too; an exception counts its own.
   */
  futureSpans: number;
  /** This listing brought an entry that takes the same time: the channel only renamed it. */
  renamed: boolean;
  /** The listing brought an entry that takes most of the same time: a block that slid. */
  moved?: boolean;
  /** When a complete listing first lacked it; null when this one is the first. */
  missingSinceAt: number | null;
}

export interface GuardInput {
  missing: readonly MissingEvent[];
  /** Busy spans of the whole calendar that are not over yet, missing ones included. */
  futureSpans: number;
  nowAt: number;
  /** How long absence must last on this channel before it counts at all. */
  absenceConfirmMs: number;
  /** How long at least any absence must last that is not believed at once. */
  pollIntervalMs: number;
  /** This listing was asked for without a condition, so that no cache can have answered it. */
  unconditional: boolean;
  /** An operator looked and believes the channel. */
  acceptRemovals: boolean;
}

export interface GuardVerdict {
  gone: string[];
  /** Of these, what was over before all that the channel was asked to list: no difference. */
  over?: readonly string[];
  /** Known to be missing, still blocking. */
  heldBack: string[];
  /** True when so much vanished that a person should look. */
  guarded: boolean;
}

const SHARE_FROM = 8;
const ALL_FROM = 3;

export function guardRemovals(input: GuardInput): GuardVerdict {
  const counted = input.missing.filter((one) => one.futureSpans > 0 && !one.renamed);
  const lost = counted.filter((one) => !one.moved);
  const isSuspicious = isTooMuch(lost, input.futureSpans);
  const mustLast = input.absenceConfirmMs > 0;
  const confirmMs = Math.max(input.absenceConfirmMs, input.pollIntervalMs);
  const isConfirmed = ({ missingSinceAt }: MissingEvent) =>
    missingSinceAt !== null &&
    input.nowAt - missingSinceAt >= confirmMs &&
    (input.unconditional || !mustLast);
  const isDoubted = (one: MissingEvent) =>
    !input.acceptRemovals && (isSuspicious || mustLast) && !isConfirmed(one);
  const doubted = new Set(counted.filter(isDoubted).map((one) => one.nativeId));
  const verdict: GuardVerdict = { gone: [], heldBack: [], guarded: false };
  for (const { nativeId, rootId } of input.missing) {
    // Without its exceptions a series would take other time than it did.
    const isHeldBack = doubted.has(nativeId) || doubted.has(rootId);
    (isHeldBack ? verdict.heldBack : verdict.gone).push(nativeId);
  }
  verdict.guarded = isSuspicious && verdict.heldBack.length > 0;
  return verdict;
}

function isTooMuch(counted: readonly MissingEvent[], futureSpans: number): boolean {
  const ids = new Set(counted.map((one) => one.nativeId));
  const lost = counted
    .filter(({ nativeId, rootId }) => nativeId === rootId || !ids.has(rootId))
    .reduce((sum, one) => sum + one.futureSpans, 0);
  return isUnusualLoss(lost, futureSpans);
}

/** More than half of what lies ahead, or all of it, where there is enough to tell. */
export const isUnusualLoss = (lost: number, of: number): boolean =>
  (of >= SHARE_FROM && lost * 2 > of) || (of >= ALL_FROM && lost >= of);
