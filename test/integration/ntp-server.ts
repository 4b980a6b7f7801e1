/**
 * An NTP server with a clock of its own: `ntp-server ADDRESS UNIXMS [KISS]` says that it was UNIXMS
 * when it began and counts from there, whatever becomes of the machine's clock; `+N` in place of UNIXMS
 * is the machine's time and N ms. With a kiss code it says that alone. Prints every request.
 */

import { createSocket } from 'node:dgram';

const [address = '', start = '', kiss = ''] = process.argv.slice(1);
const startedAt = performance.now();

function timestamp(): Buffer {
  const passedMs = performance.now() - startedAt;
  const unixMs = start.startsWith('+') ? Date.now() + Number(start) : Number(start) + passedMs;
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(Math.floor(unixMs / 1000) + 2_208_988_800);
  bytes.writeUInt32BE(Math.floor(((unixMs % 1000) / 1000) * 0x1_0000_0000), 4);
  return bytes;
}

const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
socket.on('message', (request, from) => {
  console.log(`asked from port ${from.port}: ${request.toString('hex')}`);
  const reply = Buffer.alloc(48);
  reply.set(kiss === '' ? [0x24, 2, request[2] ?? 0, 0xec] : [0xe4, 0, request[2] ?? 0, 0xec]);
  reply.write(kiss === '' ? 'TEST' : kiss, 12, 'latin1');
  request.copy(reply, 24, 40, 48);
  timestamp().copy(reply, 32);
  timestamp().copy(reply, 40);
  socket.send(reply, from.port, from.address);
});
socket.bind(123, address, () => console.log('listening'));
