import { expect, it } from 'vitest';
import { nextHop } from '../../src/outbound/redirect.ts';
import type { Hop, OnRedirect } from '../../src/outbound/redirect.ts';
import { ask, startHost } from './host.ts';
import { PRIVATE_SPELLINGS } from './spellings.ts';

const rules = { allowed: new Set<string>(), ports: new Set([80, 443]), userinfo: false };
const hop: Hop = {
  url: new URL('https://a.example/x'),
  method: 'GET',
  headers: { authorization: 'Bearer t', cookie: 'c=1', accept: 'text/calendar' },
  body: null,
};
const to = (location: string, from: Partial<Hop> = {}, onRedirect?: OnRedirect): Hop =>
  nextHop({ ...hop, ...from }, { status: 302, location }, { rules, onRedirect });

it.each([
  'http://169.254.169.254/latest/meta-data/',
  'http://[::ffff:169.254.169.254]/',
  '//127.0.0.1/',
  'file:///etc/passwd',
  'http://a.test:6379/',
  'https://me:pw@a.test/',
])('a redirect is judged like the address itself: %s', async (location) => {
  const { port, asked } = await startHost((_, response) =>
    response.writeHead(302, { location }).end(),
  );
  const failed = ask({ url: `http://a.test:${port}/` }, { allow: [`a.test:${port}`] });
  await expect(failed).rejects.toMatchObject({
    kind: 'invalid',
    code: expect.stringMatching(/^outbound-(private-address|scheme|port|userinfo)$/),
  });
  expect(asked).toHaveLength(1);
});

it('a redirect to an address inside is refused in every spelling, whatever the method', async () => {
  // Controls and spaces cannot stand in a header, and without slashes an address is a path.
  const spellings = PRIVATE_SPELLINGS.filter(
    (text) => text.trim() === text && !/\p{Cc}/u.test(text) && /^http:[/\\]/.test(text),
  );
  let location = '';
  const { port, asked } = await startHost((_, response) => {
    response.writeHead(307, { location: Buffer.from(location).toString('latin1') }).end();
  });
  const allow = [`a.test:${port}`];
  for (location of spellings)
    for (const method of ['GET', 'PROPFIND', 'PUT'])
      await expect(ask({ url: `http://a.test:${port}/`, method }, { allow })).rejects.toMatchObject(
        {
          kind: 'invalid',
        },
      );
  expect(asked).toHaveLength(spellings.length * 3);
});

it('a name that leads out at the first hop and inside at the next is refused there', async () => {
  const { port, asked } = await startHost((_, response) =>
    response.writeHead(302, { location: `http://rebind.example.com:${port}/again` }).end(),
  );
  // The first connection is closed by the redirect, so that the second asks the resolver again.
  const answers = [['127.0.0.1'], ['10.0.0.1']];
  const failed = ask(
    { url: `http://a.test:${port}/` },
    {
      allow: [`a.test:${port}`],
      ports: [port],
      resolve: async (name) => (name === 'a.test' ? ['127.0.0.1'] : answers.pop()!),
    },
  );
  await expect(failed).rejects.toMatchObject({ code: 'outbound-private-address' });
  expect(asked).toHaveLength(1);
});

it('a redirect to a name that resolves inwards is refused at connect', async () => {
  const { port, asked } = await startHost((request, response) => {
    const inside = request.headers.host?.startsWith('inside');
    response.writeHead(inside ? 200 : 302, { location: `http://inside.example:${port}/` }).end();
  });
  const failed = ask(
    { url: `http://a.test:${port}/` },
    { allow: [`a.test:${port}`], ports: [port], resolve: async () => ['127.0.0.1'] },
  );
  await expect(failed).rejects.toMatchObject({ code: 'outbound-private-address' });
  expect(asked).toHaveLength(1);
});

it('redirects are followed as many times as allowed and not once more', async () => {
  const { port, asked } = await startHost((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left === 0) response.end('there');
    else response.writeHead(302, { location: `/${left - 1}` }).end('ignored');
  });
  const allow = [`a.test:${port}`];
  const answer = await ask({ url: `http://a.test:${port}/5` }, { allow });
  expect(Buffer.from(answer.body).toString()).toBe('there');
  expect(answer.url).toBe(`http://a.test:${port}/0`);
  expect(asked).toHaveLength(6);
  await expect(ask({ url: `http://a.test:${port}/6` }, { allow })).rejects.toMatchObject({
    code: 'outbound-redirects',
  });
});

it('a redirect from https to http, or to nowhere, is refused', () => {
  expect(() => to('http://a.example/y')).toThrow(/outbound-redirect-downgrade/);
  expect(() => to('https://')).toThrow(/outbound-redirect-location/);
  expect(() => to('')).toThrow(/outbound-redirect-location/);
});

it('credentials stay behind on the way to another party', () => {
  expect(to('https://b.example/').headers).toEqual({ accept: 'text/calendar' });
  expect(to('https://a.example:443/y').headers).toEqual(hop.headers);
  const plain = { url: new URL('http://a.example/x') };
  expect(to('https://a.example/x', plain).headers).toEqual(hop.headers);
  expect(to('http://b.example/x', plain).headers).toEqual({ accept: 'text/calendar' });
});

it('a caller may take credentials along, or stop', () => {
  const headers = to('https://b.example/', {}, () => 'keep-credentials').headers;
  expect(headers).toEqual(hop.headers);
  expect(() => to('https://b.example/', {}, () => 'refuse')).toThrow(/outbound-redirect-refused/);
});

it('the method stays, except where RFC 9110 turns POST into GET', () => {
  const post = { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } };
  const moved = (status: number, from: Partial<Hop>): [string, unknown, number] => {
    const next = nextHop(
      { ...hop, ...from },
      { status, location: '/y' },
      { rules, onRedirect: undefined },
    );
    return [next.method, next.body, Object.keys(next.headers).length];
  };
  expect(moved(301, post)).toEqual(['GET', null, 0]);
  expect(moved(302, post)).toEqual(['GET', null, 0]);
  expect(moved(303, { ...post, method: 'PUT' })).toEqual(['GET', null, 0]);
  expect(moved(307, post)).toEqual(['POST', 'x', 1]);
  expect(moved(308, post)).toEqual(['POST', 'x', 1]);
  expect(moved(301, { ...post, method: 'PROPFIND' })).toEqual(['PROPFIND', 'x', 1]);
});
