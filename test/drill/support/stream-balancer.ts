import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface StreamBalancer {
  readonly url: string;
  /** The port to which the newest connection went. */
  readonly lastPort: () => number;
  readonly stop: () => Promise<void>;
}

/** Gives each connection to the next of these ports of 127.0.0.1 that takes it, and knows nothing of what passes. */
export async function startStreamBalancer(ports: readonly number[]): Promise<StreamBalancer> {
  let turn = 0;
  let last = 0;
  const open = new Set<Socket>();
  const join = (client: Socket, tries: number): void => {
    const port = ports[turn++ % ports.length] ?? 0;
    const backend = connect(port, '127.0.0.1');
    let isJoined = false;
    backend.once('connect', () => {
      [isJoined, last] = [true, port];
      client.pipe(backend).pipe(client);
    });
    backend.on('error', () => {
      if (isJoined || tries <= 1) client.destroy();
      else join(client, tries - 1);
    });
    client.once('close', () => backend.destroy());
  };
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => client.destroy()).once('close', () => open.delete(client));
    join(client, ports.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lastPort: () => last,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const client of open) client.destroy();
      await closed;
    },
  };
}
