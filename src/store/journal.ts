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
    // Qualified, because a bare name would sort by the text that is sent.
    `SELECT j.epoch, j.txid::text, j.position::text, j.subject, j.seq::text, j.at, j.type, j.data
       FROM journal j
      WHERE j.tenant_id = $1 AND (j.epoch, j.txid, j.position) > ($2, $3::text::xid8, $4)
        AND j.txid < pg_snapshot_xmin(pg_current_snapshot())
      ORDER BY j.epoch, j.txid, j.position LIMIT $5`,
    [options.tenantId, epoch, txid, position, options.limit],
  );
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}
