import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig, SETTINGS } from '../src/config.ts';
import { LOAD_BOUNDS } from '../src/domain/load.ts';
import { REQUEST_FIGURES } from '../src/domain/request-limits.ts';

const NEEDED = {
  DATABASE_URL: 'postgresql://app:hunter2@localhost/holdfast',
  HOLDFAST_KEYRING: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
};
const load = (env: Record<string, string | undefined> = {}) => loadConfig({ ...NEEDED, ...env });
const refusal = (env: Record<string, string | undefined>): string => {
  try {
    load(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('It was not refused.');
};

test('what is needed alone gives a production configuration, frozen', () => {
  const config = load({ PATH: '/bin', OTHER: 'x' });
  expect(config).toMatchObject({ environment: 'production', apiPort: 8400, outboundAllow: [] });
  expect(Object.isFrozen(config)).toBe(true);
});

test.each(['DATABASE_URL', 'HOLDFAST_KEYRING'])(
  'without %s nothing starts, and it says why',
  (name) => {
    for (const missing of [undefined, '', '  '])
      expect(refusal({ [name]: missing })).toMatch(new RegExp(`^${name}: is needed`));
  },
);

test('an unknown setting is named', () => {
  expect(refusal({ HOLDFAST_API_PROT: '8400' })).toMatch(/^HOLDFAST_API_PROT is not a setting/);
});

test('a setting that is empty or blank has its default', () => {
  expect(load({ HOLDFAST_API_PORT: '', HOLDFAST_HORIZON_DAYS: '  ' })).toMatchObject({
    apiPort: 8400,
    horizonDays: 548,
  });
});

test.each([
  ['HOLDFAST_API_PORT', 'secret-70000'],
  ['HOLDFAST_API_PORT', '70000'],
  ['HOLDFAST_HORIZON_DAYS', '29'],
  ['HOLDFAST_ENV', 'staging'],
  ['HOLDFAST_SWEEP_MS', '-17'],
  ['HOLDFAST_PUBLIC_URL', 'ftp://secret.example'],
  ['HOLDFAST_GOOGLE_API_URL', 'not-an-address'],
  ['HOLDFAST_OUTBOUND_PORTS', '80,http'],
  ['HOLDFAST_KEYRING', 'k1:c2VjcmV0'],
  ['HOLDFAST_DATABASE_POOL', '1'],
])('%s=%s is refused by name, with what it is for, and not shown', (name, value) => {
  const message = refusal({ [name]: value });
  const { about } = SETTINGS.find((one) => one.name === name)!;
  expect(message.startsWith(`${name}: `)).toBe(true);
  expect(message).toContain(about);
  expect(message.replace(about, '').replace(name, '')).not.toContain(value);
});

test('everything that is wrong is said at once', () => {
  const message = refusal({ HOLDFAST_API_PORT: 'x', HOLDFAST_ENV: 'y', HOLDFAST_NOPE: 'z' });
  expect(message.split('\n')).toHaveLength(3);
});

describe('values', () => {
  test('of lists are trimmed and of addresses lose the last slash', () => {
    const config = load({
      HOLDFAST_OUTBOUND_ALLOW: ' 127.0.0.1:4300 ,, localhost:1 ',
      HOLDFAST_OUTBOUND_PORTS: '80, 8443',
      HOLDFAST_PUBLIC_URL: 'https://calendar.example.com//',
    });
    expect(config).toMatchObject({
      outboundAllow: ['127.0.0.1:4300', 'localhost:1'],
      outboundPorts: [80, 8443],
      publicUrl: 'https://calendar.example.com',
    });
  });

  test('every setting has a name, a line that says what for, and an example', () => {
    for (const { name, about, example } of SETTINGS) {
      expect(name).toMatch(/^(HOLDFAST_[A-Z_]+|DATABASE_URL|TEMPORAL_[A-Z_]+)$/);
      expect([about.length > 10, about.includes('\n'), example !== '']).toEqual([
        true,
        false,
        true,
      ]);
    }
  });
});

test('limits of a channel that are given replace those, and leave the others', () => {
  const { googleLimits, microsoftLimits } = load({
    HOLDFAST_GOOGLE_LIMITS: 'account=60, shared=none',
    HOLDFAST_MICROSOFT_LIMITS: 'at-once=2',
  });
  expect(googleLimits).toMatchObject({ accountPerMinute: 60, sharedPerMinute: null });
  expect(googleLimits.queuePerSecond).toBe(load().googleLimits.queuePerSecond);
  expect(microsoftLimits).toMatchObject({ accountPerMinute: 1_000, atOnce: 2 });
});

test.each(['account', 'account=0', 'account=none', 'acount=5', 'constructor=5', 'shared=-1'])(
  'limits that read %j are refused, with what they may be',
  (text) => {
    expect(refusal({ HOLDFAST_GOOGLE_LIMITS: text })).toMatch(/^HOLDFAST_GOOGLE_LIMITS: .*at-once/);
  },
);

test('limits of requests and of load that are given replace those, and leave the others', () => {
  const config = load({
    HOLDFAST_REQUEST_LIMITS: 'key-write=60, address=5',
    HOLDFAST_LOAD_LIMITS: 'open=40',
  });
  expect(config.requestFigures).toEqual({ ...REQUEST_FIGURES, keyWrites: 60, address: 5 });
  expect(config.loadBounds).toEqual({ ...LOAD_BOUNDS, open: 40 });
});

test.each(['key-write', 'key-write=0', 'keys=5', 'constructor=5', 'address=none'])(
  'limits of requests that read %j are refused, with what they may be',
  (text) => {
    expect(refusal({ HOLDFAST_REQUEST_LIMITS: text })).toMatch(
      /^HOLDFAST_REQUEST_LIMITS: .*tenant-write/,
    );
  },
);
