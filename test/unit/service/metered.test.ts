/**
 * Whether a network costs: what is set counts, then what a phone says, then what is usual.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpretLease, type Lease } from '../../../src/dhcp/lease.ts';
import { meteredOf, setMetered } from '../../../src/service/metered.ts';
import { OwnSettings } from '../../../src/service/own-settings.ts';
import { parseIpv4 } from '../../../src/shared/ipaddress.ts';
import { memoryStorage } from '../../helpers/core-bench.ts';

function lease(vendor: string): Lease {
  const address = parseIpv4('192.0.2.7');
  if (address === undefined) throw new Error('no address');
  const options = new Map([[43, new TextEncoder().encode(vendor)]]);
  return interpretLease({ address, server: undefined, options, acquiredAtMs: 0 });
}

test('guessed, set, and guessed again', () => {
  const storage = memoryStorage();
  const settings = new OwnSettings(storage);
  const service = { identifier: 'wifi_a_b_managed_psk', type: 'wifi', inUse: { lease: undefined } } as const;
  assert.is(meteredOf(service, settings), 'guess-no');
  assert.is(meteredOf({ ...service, inUse: { lease: lease('\x01\x0fANDROID_METERED') } }, settings), 'guess-yes');
  assert.is(meteredOf({ ...service, inUse: { lease: lease('ANDROID') } }, settings), 'guess-no');
  assert.is(meteredOf({ ...service, type: 'cellular' }, settings), 'guess-yes');
  setMetered(service, settings, 'no');
  assert.is(meteredOf({ ...service, inUse: { lease: lease('ANDROID_METERED') } }, settings), 'no');
  assert.is(meteredOf(service, new OwnSettings(storage)), 'no', 'also after a restart');
  setMetered(service, settings, 'auto');
  assert.is(meteredOf(service, settings), 'guess-no');
  assert.throws(() => setMetered(service, settings, 'maybe'), /InvalidArguments|Invalid arguments/);
  storage.files.set('causeway/services', `[${service.identifier}]\nMetered=nonsense\n`);
  settings.reload();
  assert.is(meteredOf(service, settings), 'guess-no');
});

test.run();
