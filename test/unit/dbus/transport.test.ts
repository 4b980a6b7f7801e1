/**
 * Bus addresses as they are written, and a stream to a socket that is not there.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createScope } from '../../../src/shared/scope.ts';
import type { SystemError } from '../../../src/shared/errors.ts';
import { parseBusAddress, systemBusAddress } from '../../../src/dbus/address.ts';
import { nodeTransport } from '../../../src/dbus/transport.ts';

test('addresses', () => {
  const cases: [string, string[]][] = [
    ['unix:path=/run/dbus/system_bus_socket', ['/run/dbus/system_bus_socket']],
    ['unix:path=/tmp/a%20b,guid=0123', ['/tmp/a b']],
    ['unix:guid=0123,abstract=/tmp/dbus-x', ['@/tmp/dbus-x']],
    ['tcp:host=127.0.0.1,port=1;unix:path=/a;unix:path=/b', ['/a', '/b']],
    ['unix:path=%zz', []],
    ['unix:path=', []],
    ['unixexec:path=/bin/sh', []],
    ['', []],
    [';;', []],
  ];
  for (const [text, paths] of cases) assert.equal(parseBusAddress(text), paths, text);
});

test('the system bus', () => {
  assert.is(systemBusAddress({}), 'unix:path=/var/run/dbus/system_bus_socket');
  assert.is(systemBusAddress({ DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/x' }), 'unix:path=/x');
});

test('a socket that is not there', async () => {
  const scope = createScope();
  const transport = nodeTransport('unix:path=/nonexistent/socket', scope);
  const error = await new Promise<SystemError | undefined>((resolve) => (transport.onEnd = resolve));
  assert.is(error?.code, 'ENOENT');
  assert.throws(() => nodeTransport('tcp:host=127.0.0.1,port=1', scope), /no unix socket/);
  await scope.close();
});

test.run();
