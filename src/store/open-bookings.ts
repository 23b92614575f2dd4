import type pg from 'pg';

/** Bookings of all tenants that have neither been confirmed nor ended; counts no further than `upTo`. */
export async function countOpenBookings(pool: pg.Pool, upTo: number): Promise<number> {
  const { rows } = await pool.query<{ open: number }>({
    name: 'count-open-bookings',
    text: `SELECT count(*)::integer AS open FROM
             (SELECT FROM booking WHERE confirmed_at IS NULL AND ended_at IS NULL LIMIT $1) b`,
    values: [upTo],
  });
  return rows[0]?.open ?? 0;
}
