/** What /proc/net/pnp says, and what it may say. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { kernelNameservers, parseKernelNameservers } from '../../../src/daemon/kernel-nameservers.ts';

const read = (text: string): string => parseKernelNameservers(text).join(' ');

test('the lines of a kernel that got its configuration by DHCP', () => {
  assert.is(read('#DHCP\ndomain lan.test\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nbootserver 192.0.2.9\n'),
    '192.0.2.1 192.0.2.2');
});

test('a kernel that configured nothing, and lines that name no server', () => {
  assert.is(read('#MANUAL\n'), '');
  assert.is(read(''), '');
  assert.is(read('nameserver 0.0.0.0\nnameserver\nnameserver x\n nameserver 192.0.2.1\nnameserver 192.0.2.1 x\n'), '');
  assert.is(read('nameserver 192.0.2.1\n'.repeat(9)), '192.0.2.1 192.0.2.1 192.0.2.1');
});

test('a file that is there, and one that is not', () => {
  const directory = mkdtempSync(join(tmpdir(), 'causeway-pnp-'));
  const path = join(directory, 'pnp');
  assert.equal(kernelNameservers(path), []);
  assert.equal(kernelNameservers(directory), []);
  writeFileSync(path, '#DHCP\nnameserver 192.0.2.1\n');
  assert.is(kernelNameservers(path).join(), '192.0.2.1');
  rmSync(directory, { recursive: true });
});

test.run();
