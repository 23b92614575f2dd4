import type pg from 'pg';

/**
 * Reading the journal. Entries are followed by (epoch, txid, position), below the oldest transaction
 * still open: what is read is complete, so a reader misses none, sees none twice, and sees a
 * subject's entries in order.
 */
export interface JournalPosition {
  epoch: number;
  txid: string;
  position: string;
}

export interface JournalEntry extends JournalPosition {
  subject: string;
  seq: number;
  at: Date;
  type: string;
  data: Record<string, unknown>;
}

export const JOURNAL_START: JournalPosition = { epoch: 0, txid: '0', position: '0' };

export async function readJournal(
  pool: pg.Pool,
  options: { tenantId: string; after: JournalPosition; limit: number },
): Promise<JournalEntry[]> {
  const { epoch, txid, position } = options.after;
  const { rows } = await pool.query<Omit<JournalEntry, 'seq'> & { seq: string }>(
    `SELECT epoch, txid::text, position::text, subject, seq::text, at, type, data FROM journal
      WHERE tenant_id = $1 AND (epoch, txid, position) > ($2, $3::text::xid8, $4)
        AND txid < pg_snapshot_xmin(pg_current_snapshot())
      ORDER BY epoch, txid, position LIMIT $5`,
    [options.tenantId, epoch, txid, position, options.limit],
  );
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}
