/** Which private network a link of ours gets. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findFreeBlock, inBlock } from '../../src/address-pool.ts';
import type { IpPrefix } from '../../src/shared/ipaddress.ts';
import { ip } from './dhcp/life.ts';

const net = (text: string): IpPrefix => {
  const [address = '', length] = text.split('/');
  return { address: ip(address), prefixLength: Number(length) };
};
const free = (...taken: string[]): string => String(findFreeBlock(taken.map(net)));

test('the first block that nobody is in', () => {
  assert.is(free(), '192.168.0.0');
  assert.is(free('0.0.0.0/0', '10.0.0.5/8'), '192.168.0.0');
  assert.is(free('192.168.0.7/24', '192.168.1.1/32'), '192.168.2.0');
  assert.is(free('192.168.2.0/23', '192.168.0.130/25', '192.168.1.1/24'), '192.168.4.0');
  assert.is(free('192.168.0.0/16'), '172.16.0.0');
  assert.is(free('192.168.0.0/16', '172.16.0.0/12'), '10.0.0.0');
  assert.is(free('192.168.0.0/16', '172.16.0.0/12', '10.0.0.0/9'), '10.128.0.0');
  assert.is(free('128.0.0.0/1', '0.0.0.0/1'), 'undefined');
  assert.is(String(inBlock(ip('10.128.3.0'), 1)), '10.128.3.1');
});

test.run();
