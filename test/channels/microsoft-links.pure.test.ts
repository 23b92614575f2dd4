import { describe, expect, test } from 'vitest';
import { createMicrosoftProvider } from '../../src/channels/microsoft/provider.ts';
import { WINDOW } from '../laws/bench.ts';
import type { Page } from '../laws/bench.ts';

describe('links that lead elsewhere', () => {
  const access = { kind: 'bearer', accessToken: 'token-1' } as const;
  const input = {
    access,
    calendar: { id: 'room', timeZone: 'UTC' },
    cursor: null,
    checkpoint: null,
    window: WINDOW,
    nowAt: 0,
    signal: new AbortController().signal,
  };

  function scripted(...answers: Record<string, unknown>[]) {
    const asked: string[] = [];
    const provider = createMicrosoftProvider({
      apiUrl: 'https://graph.microsoft.com',
      authUrl: 'https://login/authorize',
      tokenUrl: 'https://login/token',
      clientId: 'client',
      clientSecret: 'secret',
      fetch: (url) => {
        asked.push(url as string);
        return Promise.resolve(Response.json(answers.shift() ?? {}));
      },
    });
    return { provider, asked };
  }

  const foreign = [
    'https://graph.microsoft.com.evil.example/v1.0/x',
    'http://graph.microsoft.com/v1.0/x',
    'https://graph.microsoft.com:8443/v1.0/x',
    'https://graph.microsoft.com@evil.example/v1.0/x',
    'https://user:word@graph.microsoft.com/v1.0/x',
    '//evil.example/x',
    '/v1.0/x',
    'file:///etc/passwd',
  ];
  test.each(foreign)('%s never gets the token', async (link) => {
    for (const name of ['@odata.nextLink', '@odata.deltaLink']) {
      const { provider, asked } = scripted({ value: [], [name]: link });
      const refusal = { kind: 'invalid', code: 'foreign-link' };
      await expect(provider.pull(input)).rejects.toMatchObject(refusal);
      expect(asked).toHaveLength(1);
    }
    const { provider } = scripted({ value: [], '@odata.nextLink': link });
    await expect(provider.listCalendars({ access })).rejects.toMatchObject({
      code: 'foreign-link',
    });
  });

  test('a stored link to another origin than is set now is a lost position', async () => {
    const { provider } = scripted({
      value: [],
      '@odata.deltaLink': 'https://graph.microsoft.com/v1.0/delta?$deltatoken=x',
    });
    const { nextCursor } = (await provider.pull(input)) as Page;
    const elsewhere = createMicrosoftProvider({
      apiUrl: 'https://microsoftgraph.chinacloudapi.cn',
      authUrl: 'https://login/authorize',
      tokenUrl: 'https://login/token',
      clientId: 'client',
      clientSecret: 'secret',
      fetch: () => Promise.reject(new Error('Nothing may be asked.')),
    });
    const pulled = await elsewhere.pull({ ...input, cursor: nextCursor });
    expect(pulled).toEqual({ kind: 'cursor-lost', what: 'cursor' });
  });

  test('a pass that ends without a delta link proves nothing and leaves no cursor', async () => {
    const { provider } = scripted({ value: [] });
    const page = await provider.pull(input);
    expect(page).toMatchObject({ kind: 'partial', nextCursor: null, more: false });
  });

  test('the place of a 410 is not followed', async () => {
    const asked: string[] = [];
    const provider = createMicrosoftProvider({
      apiUrl: 'https://graph.microsoft.com',
      authUrl: 'https://login/authorize',
      tokenUrl: 'https://login/token',
      clientId: 'client',
      clientSecret: 'secret',
      fetch: (url) => {
        asked.push(url as string);
        const headers = { location: 'https://evil.example/delta?$deltatoken=' };
        if (asked.length > 1) return Promise.resolve(new Response('', { status: 410, headers }));
        const end = { '@odata.deltaLink': 'https://graph.microsoft.com/v1.0/x?$deltatoken=y' };
        return Promise.resolve(Response.json({ value: [], ...end }));
      },
    });
    const { nextCursor } = (await provider.pull(input)) as Page;
    const lost = await provider.pull({ ...input, cursor: nextCursor });
    expect(lost).toEqual({ kind: 'cursor-lost', what: 'cursor' });
    expect(asked.every((url) => url.startsWith('https://graph.microsoft.com/'))).toBe(true);
  });
});
