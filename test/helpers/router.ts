/**
 * A router that says one thing over and over: sends an ICMPv6 message, given in hexadecimal digits,
 * to all nodes of a link, once a second. Arguments: link, message. Ends with a signal.
 */

import { parseHex } from '../../src/shared/bytes.ts';
import { IpAddress } from '../../src/shared/ipaddress.ts';
import { createScope } from '../../src/shared/scope.ts';
import { openSystem } from '../../src/system/node-system.ts';

const ICMPV6 = 58;
const ALL_NODES = Uint8Array.of(0xff, 0x02, ...Array<number>(13).fill(0), 1);
const [device = '', digits = ''] = process.argv.slice(2);
const message = parseHex(digits) ?? new Uint8Array();
const socket = openSystem().raw({ family: 6, protocol: ICMPV6, device, hopLimit: 255 }, createScope());

function advertise(): void {
  try {
    socket.send(message, { address: new IpAddress(ALL_NODES), port: 0, ifindex: 0 });
  } catch {
    // Without an address of the link's own yet, or without a link.
  }
}

advertise();
setInterval(advertise, 1000);
console.log('advertising');
