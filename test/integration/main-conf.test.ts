/** Keys of main.conf that a DHCP server sees, as dnsmasq logs what the client sent. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isProperty, startDaemon, withWiredCell } from '../helpers/wired.ts';

test('the server hears VendorClassID and the host name', () => {
  const files = { '/etc/connman/main.conf': '[General]\nVendorClassID=acme:thermostat\nOnlineCheckMode=none\n' };
  return withWiredCell({ files }, async (cell) => {
    await startDaemon(cell);
    const since = cell.cable().plug();
    await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
    const log = cell.dnsmasq?.text ?? '';
    assert.match(log, /vendor class: acme:thermostat$/m);
    assert.match(log, /client provides name: device$/m);
    assert.match(log, /requested options:/);
  });
});

test.run();
