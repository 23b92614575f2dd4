/** What a payment still holds of what was taken by it. Amounts in minor units. */
export interface HeldMoney {
  /** The number of the payment; later ones are higher. */
  n: number;
  heldMinor: number;
}

export interface RefundShare {
  n: number;
  amountMinor: number;
}

/**
 * Which payments give an amount back: the newest first, none more than it holds. What all of them
 * together do not hold is left out.
 */
export function allocateRefund(payments: readonly HeldMoney[], amountMinor: number): RefundShare[] {
  const shares: RefundShare[] = [];
  let leftMinor = amountMinor;
  for (const { n, heldMinor } of payments.toSorted((a, b) => b.n - a.n)) {
    const share = Math.min(leftMinor, heldMinor);
    if (share <= 0) continue;
    shares.push({ n, amountMinor: share });
    leftMinor -= share;
  }
  return shares;
}
