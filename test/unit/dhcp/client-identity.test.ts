/** Client identifiers, and names with a dot, as bytes. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatHex } from '../../../src/shared/bytes.ts';
import { clientIdentifierOf, qualifiedNameOption } from '../../../src/dhcp/client-identity.ts';
import { askingMessage } from '../../../src/dhcp/client-messages.ts';
import { OPTION } from '../../../src/dhcp/options.ts';
import { hex } from './battery.ts';

const HARDWARE = hex('02005e005301');

test('by hardware address, or node-specific: interface, then a DUID-LL', () => {
  assert.is(formatHex(clientIdentifierOf('mac', HARDWARE)), '0102005e005301');
  assert.is(formatHex(clientIdentifierOf('duid', HARDWARE)), 'ff5e0053010003000102005e005301');
});

test('a name with dots is told as RFC 4702 says, and then not as a host name', () => {
  const optionsFor = (hostname: string): ReadonlyMap<number, Uint8Array> => askingMessage('discover', {
    hardwareAddress: HARDWARE, clientIdentifier: HARDWARE, hostname, vendorClass: undefined, maximumMessageSize: 1500,
  }, { xid: 1 }).options;
  assert.is(formatHex(qualifiedNameOption('box.example') ?? hex('')), '05000003626f78076578616d706c6500');
  assert.equal(optionsFor('box.example.').get(OPTION.qualifiedName), qualifiedNameOption('box.example'));
  assert.not.ok(optionsFor('box.example').has(OPTION.hostname));
  assert.is(formatHex(optionsFor('box').get(OPTION.hostname) ?? hex('')), '626f78');
  assert.not.ok(optionsFor('box').has(OPTION.qualifiedName));
});

test('what is no name of a host is not told as one', () => {
  for (const name of ['', '.', 'box', 'a..b', '-a.b', 'a.b-', 'a b.c', `${'a'.repeat(64)}.b`, 'a.'.repeat(127) + 'a']) {
    assert.is(qualifiedNameOption(name), undefined, name);
  }
});

test.run();
