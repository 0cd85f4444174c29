import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

/** The end of a start-up in PostgreSQL's protocol: ReadyForQuery, in no transaction. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
/** An ErrorResponse, as PostgreSQL says farewell when it is shut down. */
const FAREWELL = errorResponse({
  S: 'FATAL',
  V: 'FATAL',
  C: '57P01',
  M: 'terminating connection due to administrator command',
});

/** A way to a PostgreSQL, on which it can seem to end at an unlucky moment. */
export async function endingPostgres(url: string) {
  const target = new URL(url);
  const host = target.searchParams.get('host');
  const port = target.port === '' ? 5432 : Number(target.port);
  const open = new Set<Socket>();
  let isEnding = false;

  const server = createServer((near) => {
    const far = host === null ? connect(port, target.hostname) : connect(join(host, `.s.PGSQL.${port}`));
    const close = () => [near, far].forEach((socket) => socket.destroy());
    for (const socket of [near, far]) {
      open.add(socket);
      socket
        .once('error', close)
        .once('close', () => open.delete(socket))
        .once('close', close);
    }
    near.pipe(far);
    let said = Buffer.alloc(0);
    far.on('data', (chunk: Buffer) => {
      if (!isEnding) return near.write(chunk);
      said = Buffer.concat([said, chunk]);
      return said.includes(READY) && near.end(Buffer.concat([said, FAREWELL]));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  target.searchParams.delete('host');
  target.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = () => open.forEach((socket) => socket.destroy());
  return {
    url: target.href,
    /** Cuts what is open; each new connection becomes ready and is ended in the same breath. */
    end: () => {
      isEnding = true;
      cut();
    },
    goOn: () => (isEnding = false),
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function errorResponse(fields: Record<string, string>): Buffer {
  const text = Object.entries(fields).map(([type, value]) => `${type}${value}\0`);
  const body = Buffer.from(`${text.join('')}\0`);
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
