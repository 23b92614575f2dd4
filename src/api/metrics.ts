import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Refusal } from '../domain/booking.ts';
import type { ShedReason } from '../domain/load.ts';
import type { Database } from '../store/database.ts';
import { readStanding } from '../store/metrics.ts';
import type { PolicyName } from './request-limits.ts';

export interface Metrics {
  observe(route: { method: string; path: string }, status: number, durationMs: number): void;
  refused(refusal: Refusal): void;
  /** `clean`: woke a connection; `dirty`: it was awake; `unknown`: no such watch. */
  notified(found: 'clean' | 'dirty' | 'unknown'): void;
  /** A request that found its limit spent, by policy. */
  limited(policy: PolicyName): void;
  /** A booking that was not begun, by the bound that was met. */
  shed(reason: ShedReason): void;
  /** How many are on their way to a hold in this process. */
  starting(now: number): void;
  /** Prometheus text, with how things stand in the database now. */
  render(): Promise<{ type: string; content: string }>;
}

/** One registry per application, so that several can live in one process. */
export function createMetrics(database: Database): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: 'holdfast_http_request_duration_seconds',
    help: 'Time from request to answer, by route.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
    registers: [registry],
  });
  const refusals = new Counter({
    name: 'holdfast_holds_refused_total',
    help: 'Bookings refused before their hold, by rule.',
    labelNames: ['refusal'],
    registers: [registry],
  });
  const notifications = new Counter({
    name: 'holdfast_notifications_total',
    help: 'Notifications at the gate: clean woke a connection, dirty found it awake.',
    labelNames: ['found'],
    registers: [registry],
  });
  const load = loadMetrics(registry);
  const updateStanding = standingGauges(registry, database);
  return {
    observe: (route, status, durationMs) =>
      durations.observe({ method: route.method, route: route.path, status }, durationMs / 1_000),
    refused: (refusal) => refusals.inc({ refusal }),
    notified: (found) => notifications.inc({ found }),
    ...load,
    async render() {
      await updateStanding();
      return { type: registry.contentType, content: await registry.metrics() };
    },
  };
}

function loadMetrics(registry: Registry): Pick<Metrics, 'limited' | 'shed' | 'starting'> {
  const limited = new Counter({
    name: 'holdfast_requests_limited_total',
    help: 'Requests answered 429, by the limit that was spent.',
    labelNames: ['policy'],
    registers: [registry],
  });
  const shed = new Counter({
    name: 'holdfast_bookings_shed_total',
    help: 'New bookings answered 503 because of the load, by the bound that was met.',
    labelNames: ['bound'],
    registers: [registry],
  });
  const starting = new Gauge({
    name: 'holdfast_bookings_starting',
    help: 'New bookings on their way to a hold in this process, those in line among them.',
    registers: [registry],
  });
  return {
    limited: (policy) => limited.inc({ policy }),
    shed: (bound) => shed.inc({ bound }),
    starting: (now) => starting.set(now),
  };
}

/** Gauges of what the database says; read when somebody looks. */
function standingGauges(registry: Registry, database: Database): () => Promise<void> {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const byStatus = new Gauge({
    name: 'holdfast_connections',
    help: 'Connections by status.',
    labelNames: ['status'],
    registers: [registry],
  });
  const byChannel = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['channel'], registers: [registry] });
  const paused = byChannel('holdfast_buckets_paused', 'Buckets a channel asked to rest.');
  const circuits = byChannel('holdfast_circuits_open', 'Hosts left alone because they are down.');
  const inLine = gauge(
    'holdfast_tenants_in_line',
    'Tenants that wait for their turn at a channel.',
  );
  const attention = new Gauge({
    name: 'holdfast_bookings_attention',
    help: 'Bookings a person has to look at, by kind of call.',
    labelNames: ['kind'],
    registers: [registry],
  });
  const conflicts = new Gauge({
    name: 'holdfast_conflicts_open',
    help: 'Outside events over bookings, not settled, by rule; copy and mass wait for a person.',
    labelNames: ['rule'],
    registers: [registry],
  });
  const behind = gauge('holdfast_mirrors_behind', 'Mirrors not yet carried out.');
  const inQuestion = gauge(
    'holdfast_mirrors_attention',
    'Events of ours in outside calendars that a person has to look at.',
  );
  const dirty = gauge(
    'holdfast_oldest_dirty_seconds',
    'Age of the oldest unanswered notification.',
  );
  return async () => {
    const standing = await readStanding(database);
    byStatus.reset();
    for (const [status, count] of Object.entries(standing.connectionsByStatus))
      byStatus.set({ status }, count);
    setByChannel(paused, standing.pausedBuckets);
    setByChannel(circuits, standing.openCircuits);
    inLine.set(standing.tenantsInLine);
    attention.reset();
    for (const [kind, count] of Object.entries(standing.attentionsByKind))
      attention.set({ kind }, count);
    conflicts.reset();
    for (const [rule, count] of Object.entries(standing.openConflicts))
      conflicts.set({ rule }, count);
    behind.set(standing.mirrorsBehind);
    inQuestion.set(standing.mirrorsNeedingAttention);
    dirty.set(standing.oldestDirtyAgeS);
  };
}

function setByChannel(gauge: Gauge<'channel'>, counts: Record<string, number>): void {
  gauge.reset();
  for (const [channel, count] of Object.entries(counts)) gauge.set({ channel }, count);
}
