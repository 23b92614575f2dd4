import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** Below those that systems give to outgoing connections, of which one could take it at any moment. */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const TRIES = 50;

/** A port of the loopback address that nothing listens on at this moment. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (await isPortFree(port)) return port;
  }
  return listenOnce(0);
}

/** Whether the loopback port can be taken now. */
export async function isPortFree(port: number): Promise<boolean> {
  try {
    await listenOnce(port);
    return true;
  } catch {
    return false;
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const taken = (server.address() as AddressInfo).port;
      server.close(() => resolve(taken));
    });
  });
}
