import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKey } from '../../src/store/keys.ts';
import { startHoldfast, type Holdfast } from '../support/holdfast.ts';
import { addResource, at, connectGoogle } from '../support/scene.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

let holdfast: Holdfast;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-consumer-'));
  await run(process.execPath, ['scripts/build.ts'], { cwd: ROOT });
  const { stdout } = await run('npm', ['pack', '--silent', join(ROOT, 'dist')], { cwd: folder });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  // Without a network: whoever installs the client installs nothing else.
  await run('npm', ['install', '--offline', '--silent', `./${stdout.trim()}`], { cwd: folder });
  holdfast = await startHoldfast();
}, 180_000);
afterAll(async () => {
  await holdfast.stop();
  await rm(folder, { recursive: true, force: true });
});

const STRICT = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    module: 'NodeNext',
    target: 'ES2023',
    lib: ['ES2023', 'DOM'],
    types: [],
  },
  files: ['backend.ts'],
};

const BACKEND = `
import { createHoldfastClient, HoldfastError, type Booking } from 'holdfast/client';

export async function sell(options: {
  apiUrl: string; apiKey: string; weakKey: string; resourceId: string; connectionId: string;
  startAt: string; endAt: string;
}) {
  const { apiUrl, apiKey, weakKey, resourceId, connectionId, startAt, endAt } = options;
  const holdfast = createHoldfastClient({ apiUrl, apiKey });
  const free = await holdfast.resources.availability(resourceId, { from: startAt, to: endAt });
  const wanted = { resourceId, startAt, endAt, payment: { kind: 'none' as const } };
  const booking: Booking = await holdfast.bookings.create(wanted, { waitSeconds: 20 });
  const late = await holdfast.bookings.create(wanted).catch((error: unknown) => error);
  const weak = createHoldfastClient({ apiUrl, apiKey: weakKey });
  const forbidden = await weak.bookings.create(wanted).catch((error: unknown) => error);
  const paused = await holdfast.connections.pause(connectionId);
  const resumed = await holdfast.connections.resume(connectionId);
  const cancelled = await holdfast.bookings.cancel(booking.id);
  return {
    spans: free.spans?.length,
    state: booking.state,
    late: late instanceof HoldfastError && late.type === 'not-available' ? late.more['nearest'] : null,
    forbidden: forbidden instanceof HoldfastError ? forbidden.type : null,
    steered: [paused.status, resumed.status],
    cancelled: cancelled.state,
  };
}

// What a route would refuse does not compile.
const holdfast = createHoldfastClient({ apiUrl: '', apiKey: '' });
export const wrong = () => [
  // @ts-expect-error -- a booking says how it is paid
  holdfast.bookings.create({ resourceId: 'a', startAt: 'b', endAt: 'c' }),
  // @ts-expect-error -- no such kind of payment
  holdfast.bookings.create({ resourceId: 'a', startAt: 'b', endAt: 'c', payment: { kind: 'cash' } }),
  // @ts-expect-error -- no such setting
  holdfast.resources.change('a', { settings: { colour: 'red' } }),
  // @ts-expect-error -- no such state
  holdfast.bookings.list({ state: 'sold' }),
];
`;

it('the packed client installs alone, type-checks strictly and works', async () => {
  writeFileSync(join(folder, 'backend.ts'), BACKEND);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(STRICT));
  const checked = await run(process.execPath, [TSC, '-p', folder]).catch((error: unknown) => error);
  expect(checked).toMatchObject({ stdout: '' });

  const resourceId = await addResource(holdfast);
  const { connectionId } = await connectGoogle(holdfast, { resourceId });
  const { apiUrl, key: apiKey, tenantId, database } = holdfast;
  const scopes = ['availability:read'];
  const weakKey = await createKey(database, { tenantId, label: 'weak', scopes });
  const span = { startAt: at(20, 9), endAt: at(20, 10) };
  const options = { apiUrl, apiKey, weakKey, resourceId, connectionId, ...span };
  const script = `import('./backend.js').then(async ({ sell }) => console.log(JSON.stringify(await sell(${JSON.stringify(options)}))))`;
  const { stdout } = await run('node', ['-e', script], { cwd: folder });
  expect(JSON.parse(stdout)).toEqual({
    spans: 1,
    state: 'confirmed',
    late: expect.arrayContaining([
      expect.objectContaining({ startAt: expect.any(String) as string }),
    ]) as unknown,
    forbidden: 'forbidden',
    steered: ['paused', 'live'],
    cancelled: 'cancelled',
  });
});

it('the package holds the client and nothing of the service', async () => {
  const installed = join(folder, 'node_modules');
  expect(readdirSync(installed).filter((name) => !name.startsWith('.'))).toEqual(['holdfast']);
  const files = readdirSync(join(installed, 'holdfast'), { recursive: true }).map(String);
  expect(files.toSorted()).toEqual([
    'LICENSE',
    'README.md',
    'holdfast-client',
    'holdfast-client.d.ts',
    'holdfast-client.js',
    ...['calls', 'error', 'follow', 'request', 'sessions', 'types'].flatMap((name) => [
      `holdfast-client/${name}.d.ts`,
      `holdfast-client/${name}.js`,
    ]),
    'package.json',
  ]);
  const foreign = files
    .filter((name) => /\.(js|ts)$/.test(name))
    .filter((name) =>
      /from ['"](?!\.|node:)|src\/api/.test(
        readFileSync(join(installed, 'holdfast', name), 'utf8'),
      ),
    );
  expect(foreign).toEqual([]);
});

it('the project itself packs to the same client', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
  });
  const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
  const paths = packed!.files.map(({ path }) => path);
  expect(paths).toContain('dist/holdfast-client.js');
  expect(
    paths.filter((path) => !/^(dist\/holdfast-client|README|LICENSE|package\.json)/.test(path)),
  ).toEqual([]);
});
