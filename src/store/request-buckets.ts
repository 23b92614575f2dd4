import type pg from 'pg';

/** What one process has let through of one bucket since it last said so, as time of that bucket. */
export interface Spending {
  tenantId: string;
  bucket: string;
  spentMs: number;
}

export interface SharedDebt {
  tenantId: string;
  bucket: string;
  /** Until the bucket is full again, by the database's clock. */
  debtMs: number;
}

/** Adds what this process spent and answers what all processes did; one statement for all buckets. */
export async function shareSpending(
  pool: pg.Pool,
  spendings: readonly Spending[],
): Promise<SharedDebt[]> {
  const { rows } = await pool.query<SharedDebt>({
    name: 'share-spending',
    text: SHARE,
    values: [
      spendings.map((one) => one.tenantId),
      spendings.map((one) => one.bucket),
      spendings.map((one) => one.spentMs),
    ],
  });
  return rows;
}

// In one order, so that two processes that tell of the same buckets never hold what the other needs.
const SHARE = `
  INSERT INTO request_bucket AS b (tenant_id, bucket, full_at)
  SELECT tenant_id, bucket, statement_timestamp() + spent_ms * interval '1 millisecond'
    FROM unnest($1::text[], $2::text[], $3::float8[]) AS s(tenant_id, bucket, spent_ms)
   ORDER BY tenant_id, bucket
  ON CONFLICT (tenant_id, bucket) DO UPDATE
    SET full_at = greatest(b.full_at, statement_timestamp()) + (excluded.full_at - statement_timestamp())
  RETURNING tenant_id AS "tenantId", bucket,
    date_part('epoch', full_at - clock_timestamp()) * 1000 AS "debtMs"`;

/** Buckets that are full say nothing that a missing row does not. */
export async function forgetFullBuckets(pool: pg.Pool): Promise<void> {
  await pool.query(`DELETE FROM request_bucket WHERE full_at < clock_timestamp()`);
}
