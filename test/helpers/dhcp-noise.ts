/**
 * Sends a network's DHCP clients what no server should: by broadcast from port 67, the files of the
 * folders it is given as they are, then replies with options that lie, are cut off or are flipped.
 * A program of its own, run inside a namespace; prints how many packets it sent.
 */

import { createSocket } from 'node:dgram';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const COUNT = 3000;
const HARDWARE = [2, 0, 0, 0, 0, 0];
const COOKIE = [99, 130, 83, 99];
const folders = process.argv.slice(1);

let seed = 1;
function random(below: number): number {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return (seed >>> 8) % below;
}

function reply(): Uint8Array {
  const options = Array.from({ length: random(40) }, () => {
    const length = random(12);
    return [random(256), random(4) === 0 ? random(256) : length, ...Array.from({ length }, () => random(256))];
  });
  const header = new Uint8Array(236);
  header.set([2, 1, 6, 0]);
  for (let at = 4; at < 28; at++) header[at] = random(256);
  header.set(HARDWARE, 28);
  const whole = Uint8Array.from([...header, ...COOKIE, 53, 1, 1 + random(8), ...options.flat(), 255]);
  for (let flips = random(3); flips > 0; flips--) whole[random(whole.length)] = random(256);
  return random(5) === 0 ? whole.subarray(0, random(whole.length)) : whole;
}

const files = folders.filter((folder) => existsSync(folder)).flatMap((folder) =>
  readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`)));
const packets = [...files, ...Array.from({ length: COUNT }, reply)].filter(({ length }) => length <= 1472);

const socket = createSocket('udp4');
socket.bind(67, () => {
  socket.setBroadcast(true);
  let at = 0;
  const next = (): void => {
    const packet = packets[at++];
    if (packet === undefined) {
      console.log(`sent ${packets.length}`);
      socket.close();
      return;
    }
    socket.send(packet, 68, '255.255.255.255', () => (at % 50 === 0 ? setTimeout(next, 1) : next()));
  };
  next();
});
