import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BenchFault } from './bench.ts';

/** Stands before a real server and breaks what a broken network would break, once each. */
export interface FaultProxy {
  url: string;
  fault(fault: BenchFault): void;
  clear(): void;
  requests(): number;
  close(): Promise<void>;
}

const CALLS: Record<BenchFault['on'], (request: http.IncomingMessage) => boolean> = {
  pull: ({ method }) => method === 'REPORT',
  write: ({ method }) => method === 'PUT',
  remove: ({ method }) => method === 'DELETE',
  read: ({ method }) => method === 'GET',
};

export async function startFaultProxy(target: URL): Promise<FaultProxy> {
  const faults: BenchFault[] = [];
  let requests = 0;
  const server = http.createServer((request, response) => {
    // The second client goes to the server itself; all that comes here is the provider's.
    requests += 1;
    const at = faults.findIndex((fault) => CALLS[fault.on](request));
    const fault = at < 0 ? undefined : faults.splice(at, 1)[0];
    answer(target, { request, response, fault }).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    fault: (fault) => void faults.push(fault),
    clear: () => void faults.splice(0),
    requests: () => requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Exchange {
  request: http.IncomingMessage;
  response: http.ServerResponse;
  fault: BenchFault | undefined;
}

async function answer(target: URL, { request, response, fault }: Exchange): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  if (fault?.drop === 'before') return void request.socket.destroy();
  if (fault?.delayMs !== undefined)
    await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
  if (fault?.status !== undefined) {
    const body = typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body ?? '');
    return void response.writeHead(fault.status, fault.headers).end(body);
  }
  const { status, headers, body } = await forward(target, request, Buffer.concat(chunks));
  if (fault?.drop === 'after') return void request.socket.destroy();
  response.writeHead(status, headers);
  if (!fault?.cutBody) return void response.end(body);
  response.write(body.subarray(0, Math.floor(body.length / 2)));
  setTimeout(() => request.socket.destroy(), 20);
}

async function forward(target: URL, request: http.IncomingMessage, body: Buffer) {
  return new Promise<{ status: number; headers: http.OutgoingHttpHeaders; body: Buffer }>(
    (resolve, reject) => {
      const { method, headers, url } = request;
      const options = { method, headers, host: target.hostname, port: target.port, path: url };
      const asked = http.request(options, (answered) => {
        const chunks: Buffer[] = [];
        answered.on('data', (chunk: Buffer) => chunks.push(chunk));
        answered.on('error', reject);
        answered.on('end', () => {
          const whole = Buffer.concat(chunks);
          const { 'transfer-encoding': _, ...rest } = answered.headers;
          const told = { ...rest, 'content-length': String(whole.length) };
          const status = answered.statusCode ?? 500;
          resolve({ status, headers: status === 204 ? rest : told, body: whole });
        });
      });
      asked.on('error', reject);
      asked.end(body);
    },
  );
}
