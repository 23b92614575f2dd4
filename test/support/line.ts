import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A line to a server that can be made to swallow what is sent over it. */
export interface Line {
  address: string;
  /** From now on nothing gets through; nobody is told. */
  goSilent: () => void;
  close: () => Promise<void>;
}

export async function openLine(target: string): Promise<Line> {
  const [host, port] = target.split(':') as [string, string];
  const sockets = new Set<Socket>();
  let silent = false;
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    near.on('data', (bytes) => void (silent || far.write(bytes)));
    far.on('data', (bytes) => void (silent || near.write(bytes)));
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    goSilent: () => void (silent = true),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
