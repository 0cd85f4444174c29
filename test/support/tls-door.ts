import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { TLSSocket } from 'node:tls';

const CERTIFICATES = join(import.meta.dirname, 'tls');
const SERVER = {
  key: readFileSync(join(CERTIFICATES, 'server.key')),
  cert: readFileSync(join(CERTIFICATES, 'server.pem')),
};
/** What a client of PostgreSQL sends to ask for TLS. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Who issued the certificate of the door. */
export const CA_FILE = join(CERTIFICATES, 'ca.pem');

/** A door with TLS, and a certificate for `localhost`, before a PostgreSQL. */
export async function startTlsDoor(postgresUrl: string) {
  const opened = { encrypted: 0, plain: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.once('data', (first) => {
      const encrypted = first.equals(SSL_REQUEST);
      opened[encrypted ? 'encrypted' : 'plain']++;
      if (encrypted) client.write('S');
      const upstream = connectTo(postgresUrl);
      if (!encrypted) upstream.write(first);
      const inside = encrypted ? new TLSSocket(client, { isServer: true, ...SERVER }) : client;
      pipeline(inside, upstream, inside, () => client.destroy());
    });
  }).listen(0);
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    opened,
    /** The same database, by way of this door. */
    urlVia: (host: string) => {
      const url = new URL(postgresUrl);
      url.searchParams.delete('host');
      url.host = `${host}:${port}`;
      return url.href;
    },
    [Symbol.dispose]: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function connectTo(postgresUrl: string): Socket {
  const url = new URL(postgresUrl);
  const directory = url.searchParams.get('host');
  return directory === null
    ? connect(Number(url.port || 5432), url.hostname)
    : connect(`${directory}/.s.PGSQL.${url.port || 5432}`);
}
