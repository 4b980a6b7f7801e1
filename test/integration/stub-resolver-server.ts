/**
 * A name server that wants to be the worst: on UDP every answer is truncated; on TCP it does, by the
 * first label of the name, nothing (`silent`), closes (`closed`), sends half (`half`), or lies about
 * the length (`short`). Prints `listening` when it is ready.
 */

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const address = process.argv.at(-1);

const udp = createSocket('udp4');
udp.on('message', (query, from) => {
  const reply = Buffer.from(query);
  // A response, recursion desired, truncated.
  reply.writeUInt16BE(0x8380, 2);
  udp.send(reply, from.port, from.address);
});

const tcp = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', (bytes) => {
    const query = bytes.subarray(2);
    const reply = Buffer.from(query);
    reply.writeUInt16BE(0x8180, 2);
    const framed = Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 0xff), reply]);
    switch (query.toString('latin1', 13, 13 + (query[12] ?? 0))) {
      case 'silent': return;
      case 'closed': return void socket.end();
      case 'half': return void socket.end(framed.subarray(0, framed.length - 3));
      case 'short': return void socket.end(Buffer.of(0, 5, 1, 2, 3, 4, 5));
      default: return void socket.end(framed);
    }
  });
});

udp.bind(53, address, () => {
  tcp.listen(53, address, () => console.log('listening'));
});
