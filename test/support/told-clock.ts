import type pg from 'pg';
import { openPool, type Ledger } from './ledger.ts';

/** A clock that is told, in place of the database's own, for the sessions of its pool. */
export interface ToldClock {
  pool: pg.Pool;
  set: (at: number) => Promise<void>;
  close: () => Promise<void>;
}

const CLOCK = `
  CREATE TABLE public.told_clock (at timestamptz NOT NULL);
  INSERT INTO public.told_clock VALUES ('epoch');
  GRANT SELECT ON public.told_clock TO PUBLIC;
  CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT at FROM public.told_clock';`;

export async function tellTime(ledger: Ledger): Promise<ToldClock> {
  await ledger.admin.query(CLOCK);
  const url = new URL(ledger.appUrl);
  url.searchParams.set('options', '-c search_path=public,pg_catalog');
  const pool = openPool(url.href, 4);
  return {
    pool,
    set: async (at) =>
      void (await ledger.admin.query('UPDATE told_clock SET at = $1', [new Date(at)])),
    close: () => pool.end(),
  };
}
