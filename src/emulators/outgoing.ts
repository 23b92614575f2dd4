import http from 'node:http';
import https from 'node:https';
import type { Host } from './host.ts';

/** What an emulated host posts to a receiver. */
interface Post {
  address: string;
  headers: Record<string, string>;
  body?: string;
  timeoutMs: number;
}

export interface Reply {
  /** 0 when there was no answer. */
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export interface Outgoing {
  /** Answers what the receiver said. Never rejects, never follows a redirect. */
  post(message: Post): Promise<Reply>;
  /** Runs later, unless the process closes first. */
  after(delayMs: number, act: () => void): void;
}

/** Bodies of receivers are read up to here; what follows is thrown away. */
const replyLimitBytes = 65_536;

/** Keep-alive connections and timers for what a host sends of itself. */
export function createOutgoing(host: Host): Outgoing {
  // No limit on sockets: a slow receiver must not hold up the notifications to another.
  const agents = {
    'http:': new http.Agent({ keepAlive: true, maxFreeSockets: 256 }),
    'https:': new https.Agent({ keepAlive: true, maxFreeSockets: 256 }),
  };
  const timers = new Set<NodeJS.Timeout>();
  host.onClose(() => {
    for (const timer of timers) clearTimeout(timer);
    for (const agent of Object.values(agents)) agent.destroy();
  });
  return {
    post({ address, headers, body = '', timeoutMs }) {
      const url = new URL(address);
      const secure = url.protocol === 'https:';
      const agent = secure ? agents['https:'] : agents['http:'];
      const options = { method: 'POST', headers, agent, timeout: timeoutMs };
      return new Promise((resolve) => {
        let answered = false;
        const request = (secure ? https : http).request(url, options, (response) => {
          answered = true;
          void read(response).then(resolve);
        });
        const end = () => {
          if (!answered) resolve({ status: 0, headers: {}, body: '' });
        };
        request.on('timeout', () => request.destroy());
        request.on('error', end).on('close', end);
        request.end(body);
      });
    },
    after(delayMs, act) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        act();
      }, delayMs);
      timers.add(timer);
    },
  };
}

function read(response: http.IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve) => {
    response.on('data', (chunk: Buffer) => {
      if (bytes < replyLimitBytes) chunks.push(chunk);
      bytes += chunk.length;
    });
    // A cut answer has its status all the same, and that is what senders go by.
    response
      .on('error', () => undefined)
      .on('close', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
  });
}
