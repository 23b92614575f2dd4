import express from 'express';
import type { Router } from 'express';
import { faultComplaint } from './faults.ts';
import type { FaultScript } from './faults.ts';
import type { Host } from './host.ts';

/**
 * The control API that all hosts share, mounted at `/control`. JSON in and out.
 * `GET record?since=N&host=H&limit=L` · `POST faults` (a `FaultScript`), `GET faults`,
 * `DELETE faults[/:id]` · `GET holds/:name`, `POST holds/:name/release` · `GET switches`,
 * `PUT switches` (`{ "google.pages": "short" }`) · `POST reset` · `GET health`.
 */
export function createControl(host: Host): Router {
  const router = express.Router();
  router.use(express.json({ limit: '64mb', strict: false }));
  router.get('/health', (_req, res) => {
    res.json({ healthy: true, at: new Date().toISOString() });
  });
  router.get('/record', (req, res) => {
    const { since, limit, host: name } = req.query;
    const { entriesJson, last } = host.record.read({
      since: Number(since ?? 0),
      limit: Number(limit ?? Number.MAX_SAFE_INTEGER),
      ...(typeof name === 'string' ? { host: name } : {}),
    });
    res.type('json').send(`{"last":${last},"entries":${entriesJson}}`);
  });
  router.post('/reset', (_req, res) => {
    host.reset();
    res.json({ reset: true });
  });
  faultRoutes(router, host);
  holdAndSwitchRoutes(router, host);
  return router;
}

function faultRoutes(router: Router, host: Host): void {
  router.get('/faults', (_req, res) => {
    res.json({ faults: host.faults.list() });
  });
  router.post('/faults', (req, res) => {
    const script = (req.body ?? {}) as Record<string, unknown>;
    const complaint = faultComplaint(script);
    if (complaint !== undefined) return res.status(400).json({ error: complaint });
    return res.json({ id: host.faults.add(script as unknown as FaultScript).id });
  });
  router.delete('/faults', (_req, res) => {
    host.faults.clear();
    res.json({ faults: [] });
  });
  router.delete('/faults/:id', (req, res) => {
    const { id } = req.params;
    if (host.faults.remove(id)) return res.json({ removed: id });
    return res
      .status(404)
      .json({ error: `No fault is called ${id}; GET /control/faults lists them.` });
  });
}

function holdAndSwitchRoutes(router: Router, host: Host): void {
  router.get('/holds/:name', (req, res) => {
    res.json({ waiting: host.holds.waiting(req.params.name) });
  });
  router.post('/holds/:name/release', (req, res) => {
    res.json({ released: host.holds.release(req.params.name) });
  });
  router.get('/switches', (_req, res) => {
    res.json(host.switches.all());
  });
  router.put('/switches', (req, res) => {
    const complaint = host.switches.change((req.body ?? {}) as Record<string, unknown>);
    if (complaint !== undefined) return res.status(400).json({ error: complaint });
    return res.json(host.switches.all());
  });
}
