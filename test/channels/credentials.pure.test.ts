import { expect, test } from 'vitest';
import type { ChannelProvider, Credential } from '../../src/channels/channel-provider.ts';
import type { CredentialStore } from '../../src/channels/credentials.ts';
import { openAccess } from '../../src/channels/credentials.ts';
import { Failure } from '../../src/domain/failure.ts';

const NOW_AT = Date.UTC(2035, 0, 1);
const MINUTE_MS = 60_000;

const token = (n: number, lifeMs: number): Credential => ({
  kind: 'oauth',
  refreshToken: `refresh-${n}`,
  accessToken: `access-${n}`,
  expiresAt: new Date(NOW_AT + lifeMs).toISOString(),
  scopes: [],
});

/** A store that lives in memory, and a provider that answers or fails. */
function scene(first: Credential, answer: Credential | Failure = token(1, 60 * MINUTE_MS)) {
  const seen = { credential: first, refreshes: [] as string[], marked: 0 };
  let state: 'active' | 'needs-reauthorization' = 'active';
  const store: CredentialStore = {
    load: () => Promise.resolve({ channel: 'google', state, credential: seen.credential }),
    async refreshAlone(refresh) {
      seen.credential = (await refresh(seen.credential)) ?? seen.credential;
      return seen.credential;
    },
    markUnauthorized() {
      seen.marked += 1;
      state = 'needs-reauthorization';
      return Promise.resolve();
    },
  };
  const provider = {
    refresh({ refreshToken }: { refreshToken: string }) {
      seen.refreshes.push(refreshToken);
      return answer instanceof Failure ? Promise.reject(answer) : Promise.resolve(answer);
    },
  } as unknown as ChannelProvider;
  const open = (refused?: string) =>
    openAccess({ store, provider, now: () => NOW_AT, ...(refused !== undefined && { refused }) });
  return { seen, store, open };
}

test('a token with more than five minutes to live is used, and with less it is renewed', async () => {
  const [fresh, old] = [scene(token(0, 5 * MINUTE_MS + 1)), scene(token(0, 5 * MINUTE_MS))];
  expect(await fresh.open()).toEqual({ kind: 'bearer', accessToken: 'access-0' });
  expect(await old.open()).toEqual({ kind: 'bearer', accessToken: 'access-1' });
  expect([fresh.seen.refreshes, old.seen.refreshes]).toEqual([[], ['refresh-0']]);
});

test('a refused token is renewed although it lives, and one that replaced it is used', async () => {
  const { seen, open } = scene(token(0, 60 * MINUTE_MS));
  expect(await open('access-0')).toMatchObject({ accessToken: 'access-1' });
  expect(await open('access-0')).toMatchObject({ accessToken: 'access-1' });
  expect(seen.refreshes).toEqual(['refresh-0']);
});

test('who comes second finds the new token instead of spending the grant again', async () => {
  const { seen, store, open } = scene(token(0, 0));
  const alone = store.refreshAlone.bind(store);
  store.refreshAlone = (refresh) => {
    seen.credential = token(7, 60 * MINUTE_MS);
    return alone(refresh);
  };
  expect(await open()).toMatchObject({ accessToken: 'access-7' });
  expect(seen.refreshes).toEqual([]);
});

test('a refused grant marks the account, and other failures do not', async () => {
  const refused = scene(token(0, 0), new Failure({ kind: 'unauthorized', code: 'invalid_grant' }));
  await expect(refused.open()).rejects.toThrow('invalid_grant');
  await expect(refused.open()).rejects.toThrow('needs-reauthorization');
  expect([refused.seen.marked, refused.seen.refreshes]).toEqual([1, ['refresh-0']]);
  const down = scene(token(0, 0), new Failure({ kind: 'unavailable', code: 'http-503' }));
  await expect(down.open()).rejects.toThrow('http-503');
  expect(down.seen.marked).toBe(0);
});

test('passwords and secret addresses need no refresh', async () => {
  const url = { kind: 'url', url: 'https://feed.example/secret' } as const;
  const { seen, open } = scene(url);
  expect(await open()).toEqual(url);
  expect(await open('anything')).toEqual(url);
  expect(seen.refreshes).toEqual([]);
});

/** A provider that rotates: each refresh token it knows gives its successor. */
function rotating(first: Credential, { dead = [] as string[] } = {}) {
  let made = 0;
  const spent: string[] = [];
  const one = scene(first);
  const provider = {
    refresh({ refreshToken }: { refreshToken: string }) {
      spent.push(refreshToken);
      if (dead.includes(refreshToken))
        return Promise.reject(new Failure({ kind: 'unauthorized', code: 'invalid_grant' }));
      made += 1;
      return Promise.resolve({ ...token(0, 0), refreshToken: `rotated-${made}` });
    },
  } as unknown as ChannelProvider;
  const open = () => openAccess({ store: one.store, provider, now: () => NOW_AT });
  return { ...one, spent, open };
}

test('the refresh token before is kept until its successor has worked', async () => {
  const { seen, open } = rotating(token(0, 0));
  await open();
  expect(seen.credential).toMatchObject({
    refreshToken: 'rotated-1',
    previousRefreshToken: 'refresh-0',
  });
  await open();
  expect(seen.credential).toMatchObject({
    refreshToken: 'rotated-2',
    previousRefreshToken: 'rotated-1',
  });
});

test('a successor that never works is given up for the one before, and both refused ask for a person', async () => {
  const before = { ...token(0, 0), previousRefreshToken: 'old' } as Credential;
  const { seen, spent, open } = rotating(before, { dead: ['refresh-0'] });
  await open();
  expect(spent).toEqual(['refresh-0', 'old']);
  expect(seen.credential).toMatchObject({ previousRefreshToken: 'old', refreshToken: 'rotated-1' });
  expect(seen.marked).toBe(0);
  const over = rotating(before, { dead: ['refresh-0', 'old'] });
  await expect(over.open()).rejects.toThrow('invalid_grant');
  expect(over.seen.marked).toBe(1);
});

test('while a token cannot be renewed it serves as long as it is good', async () => {
  const down = new Failure({ kind: 'unavailable', code: 'account-in-use' });
  const good = scene(token(0, 2 * MINUTE_MS), down);
  expect(await good.open()).toMatchObject({ accessToken: 'access-0' });
  await expect(good.open('access-0')).rejects.toThrow('account-in-use');
  await expect(scene(token(0, MINUTE_MS), down).open()).rejects.toThrow('account-in-use');
});

test('a refused password is tried once more before the account waits for a person', async () => {
  const basic = {
    kind: 'basic',
    serverUrl: 'https://dav.example/',
    username: 'a',
    password: 'p',
  } as const;
  const proofs: Credential[] = [];
  let answer: Failure | null = null;
  const { seen, store } = scene(basic);
  const provider = {
    prove({ credential }: { credential: Credential }) {
      proofs.push(credential);
      return answer ? Promise.reject(answer) : Promise.resolve({ credential, subject: null });
    },
  } as unknown as ChannelProvider;
  const open = (refused?: string) =>
    openAccess({ store, provider, now: () => NOW_AT, ...(refused !== undefined && { refused }) });
  expect(await open()).toEqual(basic);
  expect(await open('p')).toEqual(basic);
  expect([proofs.length, seen.marked]).toEqual([1, 0]);
  expect(await open('the-one-before')).toEqual(basic);
  expect(proofs).toHaveLength(1);
  answer = new Failure({ kind: 'unauthorized', code: 'http-401' });
  await expect(open('p')).rejects.toThrow('http-401');
  await expect(open()).rejects.toThrow('needs-reauthorization');
  expect([proofs.length, seen.marked]).toEqual([2, 1]);
});
