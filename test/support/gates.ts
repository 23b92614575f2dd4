import pg from 'pg';
import { until } from './holdfast.ts';

/**
 * Stops a booking's move (`held`, `confirmed`, `cancelled` …) inside the database of one test, by a
 * trigger that only this database has: the move waits for the test, or is refused.
 */
export interface Gates {
  /** Moves of this resource's bookings wait until the gate is opened. */
  shut: (resourceId: string, move: string) => Promise<Gate>;
  /** The first `times` attempts are refused with an error, or all of them. */
  refuse: (resourceId: string, move: string, times?: number) => Promise<Refusal>;
  close: () => Promise<void>;
}

export interface Gate {
  /** Resolves when so many moves wait. */
  untilWaiting: (count: number) => Promise<void>;
  /** Ends the sessions of those who wait, so that their move never happens. */
  breakOff: () => Promise<void>;
  /** Lets those who wait go on, also when their worker is dead. */
  open: () => Promise<void>;
}

export interface Refusal {
  hits: () => Promise<number>;
  lift: () => Promise<void>;
}

const CLASS = 4711;

export async function createGates(adminUrl: string): Promise<Gates> {
  // One session, because it owns the locks, for tests that run at once.
  const client = new pg.Pool({ connectionString: adminUrl, max: 1, idleTimeoutMillis: 0 });
  client.on('error', () => undefined);
  await client.query(SETUP);
  const add = async (resourceId: string, move: string, refusals: number): Promise<number> => {
    const { rows } = await client.query<{ id: number }>(
      `INSERT INTO test_gate (resource_id, move, refusals) VALUES ($1, $2, $3) RETURNING id`,
      [resourceId, move, refusals],
    );
    const { id } = rows[0]!;
    await client.query(`CREATE SEQUENCE test_gate_${id}`);
    return id;
  };
  const remove = (id: number) => client.query(`DELETE FROM test_gate WHERE id = $1`, [id]);
  return {
    async shut(resourceId, move) {
      const id = await add(resourceId, move, 0);
      await client.query(`SELECT pg_advisory_lock(${CLASS}, $1)`, [id]);
      return {
        untilWaiting: async (count) =>
          void (await until(
            async () => (await client.query(WAITING, [CLASS, id])).rowCount ?? 0,
            (waiting) => waiting >= count,
          )),
        breakOff: async () =>
          void (await client.query(`SELECT pg_terminate_backend(pid) FROM (${WAITING}) w`, [
            CLASS,
            id,
          ])),
        async open() {
          await remove(id);
          await client.query(`SELECT pg_advisory_unlock(${CLASS}, $1)`, [id]);
        },
      };
    },
    async refuse(resourceId, move, times = 1_000_000) {
      const id = await add(resourceId, move, times);
      return {
        async hits() {
          const text = `SELECT CASE WHEN is_called THEN last_value ELSE 0 END::float8 AS hits
            FROM test_gate_${id}`;
          return (await client.query<{ hits: number }>(text)).rows[0]!.hits;
        },
        lift: async () => void (await remove(id)),
      };
    },
    close: () => client.end(),
  };
}

const WAITING = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND classid = $1 AND objid = $2
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const SETUP = `
  CREATE TABLE test_gate (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resource_id text NOT NULL, move text NOT NULL, refusals integer NOT NULL);
  CREATE FUNCTION test_gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  DECLARE g test_gate;
  BEGIN
    IF TG_OP = 'UPDATE' AND NEW.state = OLD.state THEN RETURN NEW; END IF;
    FOR g IN SELECT * FROM test_gate WHERE resource_id = NEW.resource_id AND move = NEW.state LOOP
      IF g.refusals = 0 THEN
        PERFORM pg_advisory_xact_lock_shared(${CLASS}, g.id);
      ELSIF nextval('test_gate_' || g.id) <= g.refusals THEN
        RAISE EXCEPTION 'refused by the test';
      END IF;
    END LOOP;
    RETURN NEW;
  END $$;
  CREATE TRIGGER test_gate BEFORE INSERT OR UPDATE ON booking
    FOR EACH ROW EXECUTE FUNCTION test_gate();`;
