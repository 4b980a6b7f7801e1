/** Name servers and listening addresses as users write them. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseNameServer } from '../../../src/dns-backend/name-server.ts';
import { listenAddresses } from '../../../src/dns-backend/proxy/listen-addresses.ts';

function server(text: string): string | undefined {
  const parsed = parseNameServer(text);
  return parsed && `${parsed.address} ${parsed.tlsName ?? 'plain'}`;
}

test('a server is an address, perhaps with the name it must prove', () => {
  assert.is(server('192.0.2.1'), '192.0.2.1 plain');
  assert.is(server('2001:db8::1#dns.example'), '2001:db8::1 dns.example');
  for (const wrong of ['', 'dns.example', '192.0.2.1#', '192.0.2.1#a b', '192.0.2.1#-x', '1.1.1.1#a#b', '192.0.2.01']) {
    assert.is(server(wrong), undefined, wrong);
  }
});

function listen(text: string | undefined): { places: string[]; wrong: string[] } {
  const wrong: string[] = [];
  const places = listenAddresses(text, (part) => wrong.push(part))
    .map(({ address, port, device }) => `${address} ${port} ${device ?? ''}`.trim());
  return { places, wrong };
}

test('without a word it is the loopback, ::1 first', () => {
  assert.equal(listen(undefined).places, ['::1 53 lo', '127.0.0.1 53 lo']);
});

test('addresses and ports are taken as written, what is open to all is not', () => {
  assert.equal(listen('127.0.0.5, 127.0.0.6:5300 [::1]:54 fd00::1'), {
    places: ['127.0.0.5 53', '127.0.0.6 5300', '::1 54', 'fd00::1 53'], wrong: [],
  });
  assert.equal(listen('0.0.0.0 [::]:53 host:53 127.0.0.1:0 127.0.0.1:70000 224.0.0.1').places, []);
  assert.is(listen('0.0.0.0 x').wrong.length, 2);
});

test.run();
