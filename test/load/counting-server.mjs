/**
 * Between a server and its PostgreSQL (on the socket SOCKET): counts the statements that were done and the transactions
 * that ended, by the protocol's own words, so that nothing is estimated.
 */
import { connect, createServer } from 'node:net';

const COMMAND_COMPLETE = 'C'.charCodeAt(0);
const READY_FOR_QUERY = 'Z'.charCodeAt(0);
const NO_TRANSACTION = 'I'.charCodeAt(0);
const HEAD_BYTES = 5;
const counts = { statements: 0, commits: 0 };

const server = createServer({ noDelay: true }, (client) => {
  const postgres = connect(process.env.SOCKET);
  client.pipe(postgres).pipe(client);
  postgres.on('data', counter()).on('error', () => client.destroy());
  client.on('error', () => postgres.destroy());
});
server.listen(0, '127.0.0.1', () => {
  console.log(`Listening ${JSON.stringify({ url: `127.0.0.1:${server.address().port}` })}`);
});
process.on('message', (message) => {
  if (message === 'counts') process.send(counts);
});

/** Reads the messages of one connection: a type, a length that counts itself, and the rest. */
function counter() {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length > HEAD_BYTES && rest.length > rest.readUInt32BE(1)) {
      count(rest[0], rest[HEAD_BYTES]);
      rest = rest.subarray(1 + rest.readUInt32BE(1));
    }
  };
}

function count(type, first) {
  if (type === COMMAND_COMPLETE) counts.statements++;
  if (type === READY_FOR_QUERY && first === NO_TRANSACTION) counts.commits++;
}
