/** What Service.SetProperty takes and how it answers the rest (recorded from ConnMan 1.41). */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { variant, type Variant } from '../../../src/dbus/signature.ts';
import { DEFAULT_CONFIGURATION, type ServiceConfiguration } from '../../../src/service/configuration.ts';
import { setProperty, type Settable } from '../../../src/service/set-property.ts';
import { ConnmanError } from '../../../src/shared/errors.ts';

function target(isImmutable = false): Settable & { configuration: ServiceConfiguration; isAutoconnect?: boolean } {
  return {
    isImmutable,
    configuration: DEFAULT_CONFIGURATION,
    configure(change) {
      this.configuration = { ...this.configuration, ...change };
    },
    setAutoconnect(isAutoconnect) {
      Object.assign(this, { isAutoconnect });
    },
  };
}

const dictionary = (entries: Record<string, string | number | string[]>): Variant =>
  variant(
    'a{sv}',
    new Map(
      Object.entries(entries).map(([key, value]) => [
        key,
        typeof value === 'string'
          ? variant('s', value)
          : typeof value === 'number'
            ? variant('y', value)
            : variant('as', value),
      ]),
    ),
  );

/** Each row: property, value, the error's code. */
const REFUSED: readonly [string, Variant, string][] = [
  ['Name', variant('s', 'x'), 'InvalidProperty'],
  ['Nonsense', variant('s', 'x'), 'InvalidProperty'],
  ['AutoConnect', variant('s', 'true'), 'InvalidArguments'],
  ['Nameservers.Configuration', variant('s', '192.0.2.1'), 'InvalidArguments'],
  ['IPv4.Configuration', dictionary({ Method: 'auto' }), 'NotSupported'],
  ['IPv4.Configuration', dictionary({ Method: 'fixed' }), 'InvalidArguments'],
  ['IPv4.Configuration', dictionary({}), 'InvalidArguments'],
  ['IPv4.Configuration', dictionary({ LinkLocal: 'auto' }), 'InvalidArguments'],
  ['IPv4.Configuration', dictionary({ Address: '192.0.2.3', LinkLocal: 'enabled' }), 'InvalidArguments'],
  ['IPv4.Configuration', dictionary({ Method: 'manual', Address: '2001:db8::1' }), 'InvalidArguments'],
  ['IPv4.Configuration', dictionary({ Method: 'manual', Address: '192.0.2.300' }), 'InvalidArguments'],
  [
    'IPv4.Configuration',
    dictionary({ Method: 'manual', Address: '192.0.2.3', Netmask: '255.0.255.0' }),
    'InvalidArguments',
  ],
  ['IPv6.Configuration', dictionary({ Method: 'dhcp' }), 'NotSupported'],
  ['IPv6.Configuration', dictionary({ Method: '6to4' }), 'InvalidArguments'],
  ['IPv6.Configuration', dictionary({ Method: 'manual' }), 'InvalidArguments'],
  [
    'IPv6.Configuration',
    dictionary({ Method: 'manual', Address: '2001:db8::1', PrefixLength: 129 }),
    'InvalidArguments',
  ],
  ['Proxy.Configuration', dictionary({ Method: 'manual' }), 'InvalidArguments'],
  ['Proxy.Configuration', dictionary({ Method: 'bogus' }), 'InvalidArguments'],
  ['Proxy.Configuration', dictionary({ Method: 'manual', Servers: 'x' }), 'InvalidArguments'],
];

for (const [name, value, code] of REFUSED) {
  test(`${name} refuses ${JSON.stringify(value.value instanceof Map ? [...value.value] : value.value)}`, () => {
    const service = target();
    try {
      setProperty(service, name, value);
      assert.unreachable();
    } catch (error) {
      assert.is(error instanceof ConnmanError ? error.code : error, code);
    }
    assert.equal(service.configuration, DEFAULT_CONFIGURATION);
  });
}

test('manual IPv4 with its netmask as a length', () => {
  const service = target();
  const given = { Method: 'manual', Address: '192.0.2.3', Netmask: '255.255.255.0', Gateway: '192.0.2.1' };
  setProperty(service, 'IPv4.Configuration', dictionary(given));
  const { method, address, prefixLength, gateway } = service.configuration.ipv4;
  assert.equal([method, String(address), prefixLength, String(gateway)], ['manual', '192.0.2.3', 24, '192.0.2.1']);
});

test('LinkLocal is set with the rest or by itself, and stays where it is not mentioned', () => {
  const service = target();
  const set = (entries: Record<string, string>): object => {
    setProperty(service, 'IPv4.Configuration', dictionary(entries));
    return service.configuration.ipv4;
  };
  assert.equal(set({ LinkLocal: 'enabled' }), { method: 'dhcp', linkLocal: 'enabled' });
  assert.equal(set({ Method: 'off' }), { method: 'off', linkLocal: 'enabled' });
  assert.equal(set({ Method: 'dhcp', LinkLocal: 'disabled' }), { method: 'dhcp', linkLocal: 'disabled' });
  assert.equal(set({ LinkLocal: 'fallback' }), { method: 'dhcp' });
});

test('a missing netmask means one address, a missing address is taken', () => {
  const service = target();
  setProperty(service, 'IPv4.Configuration', dictionary({ Method: 'manual' }));
  assert.is(service.configuration.ipv4.prefixLength, 32);
  assert.is(service.configuration.ipv4.address, undefined);
});

test('name servers: what is no address is dropped, a space parts words', () => {
  const service = target();
  setProperty(
    service,
    'Nameservers.Configuration',
    variant('as', ['192.0.2.1 2001:db8::1', '', 'no.address', '192.0.2.2']),
  );
  assert.equal(service.configuration.nameservers, ['192.0.2.1', '2001:db8::1', '192.0.2.2']);
});

test('proxy: servers are remembered, none means direct', () => {
  const service = target();
  setProperty(service, 'Proxy.Configuration', dictionary({ Method: 'manual', Servers: ['p:1'], Excludes: ['x'] }));
  setProperty(service, 'Proxy.Configuration', dictionary({ Method: 'auto', URL: 'http://w/p.pac' }));
  assert.is(service.configuration.proxy?.url, 'http://w/p.pac');
  setProperty(service, 'Proxy.Configuration', dictionary({ Method: 'manual' }));
  assert.equal(service.configuration.proxy, { method: 'manual', servers: ['p:1'], excludes: ['x'] });
  setProperty(service, 'Proxy.Configuration', dictionary({ Method: 'manual', Servers: [] }));
  assert.is(service.configuration.proxy?.method, 'direct');
});

test('what a file decided is not for clients to change, but for whether it connects by itself', () => {
  const service = target(true);
  const code = (name: string, value: Variant): string => {
    try {
      setProperty(service, name, value);
      return 'success';
    } catch (error) {
      return error instanceof ConnmanError ? error.code : String(error);
    }
  };
  assert.is(code('Nameservers.Configuration', variant('as', ['192.0.2.1'])), 'NotSupported');
  assert.is(code('IPv4.Configuration', dictionary({ Method: 'dhcp' })), 'NotSupported');
  assert.is(code('Unheard', variant('b', true)), 'InvalidProperty');
  assert.is(code('AutoConnect', variant('b', false)), 'success');
  assert.equal(service.configuration, DEFAULT_CONFIGURATION);
});

test.run();
