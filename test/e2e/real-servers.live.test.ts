import { expect, test } from 'vitest';
import { installDavServers } from '../../scripts/dav-servers.ts';
import { createCaldavProvider } from '../../src/channels/caldav/provider.ts';
import { CALDAV_FAILURES } from '../laws/caldav-failures.ts';
import { channelLaws } from '../laws/channel-provider.ts';
import { convergenceLaws } from '../laws/convergence-laws.ts';
import { openRealBench, PAGE_SIZE, pythonWithServers, REAL_SERVERS } from './real-servers.ts';

const found = await pythonWithServers();

const { supports } = createCaldavProvider({
  fetchOutside: () => Promise.reject(new Error('The laws ask only through the bench.')),
  parties: [],
  plainHttpHosts: [],
});

test('real CalDAV servers are here to be asked, or it is said why not', () => {
  // Only outside continuous integration, where a missing Python fails this file before.
  if ('missing' in found) console.warn(`NOT ASKED: ${found.missing}`);
  expect('python' in found || process.env['CI'] !== 'true').toBe(true);
});

test('without Python a person is told what to install', async () => {
  const env = { PATH: '/nowhere', XDG_CACHE_HOME: '/nowhere' };
  await expect(installDavServers({ env })).rejects.toThrow(/Install Python 3/);
});

if ('python' in found)
  for (const server of REAL_SERVERS) {
    const open = () => openRealBench(server, found.python);
    channelLaws(`caldav channel at real ${server}:`, {
      supports,
      failures: CALDAV_FAILURES,
      pageSize: PAGE_SIZE,
      positions: [{ name: 'its own answers', switches: {}, freesIds: true }],
      open,
    });
    convergenceLaws(`real ${server}`, { open, seeds: [1, 2, 3] });
  }
