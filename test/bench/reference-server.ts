import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import pg from 'pg';

/** What a competent engineer writes in an afternoon: two Express routes straight on `pg`. */
export const REFERENCE_SECRET = 'reference-secret';

const READ_BUSY = `
  SELECT start_at, end_at FROM busy
   WHERE tenant_id = $1 AND resource_id = $2 AND end_at > $3 AND start_at < $4 ORDER BY start_at`;

function createReference(pool: pg.Pool, keyHash: Buffer) {
  const app = express();
  app.disable('x-powered-by');

  app.post('/notifications', express.raw({ type: () => true }), async (request, response) => {
    const watch = request.get('x-goog-channel-id') ?? '';
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const expected = createHmac('sha256', REFERENCE_SECRET).update(watch).update(body).digest();
    const given = Buffer.from(request.get('x-signature') ?? '', 'hex');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      response.status(401).end();
      return;
    }
    await pool.query({
      name: 'insert',
      text: 'INSERT INTO bench_notification (watch_id) VALUES ($1)',
      values: [watch],
    });
    response.status(202).end();
  });

  app.get('/resources/:id/availability', async (request, response) => {
    const given = createHash('sha256')
      .update(request.get('authorization') ?? '')
      .digest();
    if (!timingSafeEqual(given, keyHash)) {
      response.status(401).end();
      return;
    }
    const { tenant, from, to } = request.query;
    const { rows } = await pool.query({
      name: 'read-busy',
      text: READ_BUSY,
      values: [tenant, request.params.id, from, to],
    });
    response.json({ resourceId: request.params.id, busy: rows });
  });
  return app;
}

if (import.meta.main) {
  const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 16 });
  const keyHash = createHash('sha256').update(process.env['REFERENCE_KEY']!).digest();
  const server = createServer(createReference(pool, keyHash));
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`${JSON.stringify({ ready: true, port })}\n`);
  });
  process.once('SIGTERM', () => process.exit(0));
}
