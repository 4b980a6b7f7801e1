/** Which proxy a URL goes through: configured servers and excludes, and what PAC files answer. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { discoveryName } from '../../../src/proxy/discovery.ts';
import {
  firstProxy,
  manualProxy,
  proxyInForce,
  wantsDiscovery,
  type ChosenProxy,
} from '../../../src/proxy/settings.ts';

const textOf = (proxy: { host: string; port: number } | 'direct' | undefined): string | undefined =>
  typeof proxy === 'object' ? `${proxy.host} ${proxy.port}` : proxy;

function manual(url: string, servers: readonly string[], excludes: readonly string[] = []): string | undefined {
  return textOf(manualProxy({ method: 'manual', servers, excludes }, new URL(url)));
}

test('servers', () => {
  assert.is(manual('http://x/', ['proxy.example:3128']), 'proxy.example 3128');
  assert.is(manual('http://x/', ['proxy.example']), 'proxy.example 8080');
  assert.is(manual('http://x/', ['http://proxy.example:3128/']), 'proxy.example 3128');
  assert.is(manual('https://x/', ['http://a:1', 'https://b:2', 'c:3']), 'b 2');
  assert.is(manual('http://x/', ['https://b:2', 'c:3', 'http://a:1']), 'a 1');
  assert.is(manual('https://x/', ['http://a:1', 'c:3']), 'c 3');
  assert.is(manual('https://x/', ['http://a:1']), undefined);
  assert.is(manual('http://x/', ['[2001:db8::1]:3128']), '2001:db8::1 3128');
  for (const nonsense of ['', ':', 'a:0', 'a:99999', 'a:b', 'user@host:1', 'a b', '2001:db8::1']) {
    assert.is(manual('http://x/', [nonsense]), undefined, nonsense);
  }
});

test('excludes', () => {
  const rows: readonly (readonly [exclude: string, url: string, isExcluded: boolean])[] = [
    ['lan.test', 'http://lan.test/', true],
    ['lan.test', 'http://WWW.lan.test/', true],
    ['lan.test', 'http://wlan.test/', false],
    ['.lan.test', 'http://www.lan.test/', true],
    ['*.lan.test', 'http://www.lan.test/', true],
    ['www.lan.test:8080', 'http://www.lan.test:8080/', true],
    ['www.lan.test:8080', 'http://www.lan.test/', false],
    ['10.0.0.0/8', 'http://10.1.2.3/', true],
    ['10.0.0.0/8', 'http://11.1.2.3/', false],
    ['10.0.0.0/99', 'http://10.1.2.3/', false],
    ['2001:db8::/32', 'http://[2001:db8::1]/', true],
    ['<local>', 'http://printer/', true],
    ['<local>', 'http://printer.lan.test/', false],
    ['*', 'http://x/', true],
    ['', 'http://x/', false],
  ];
  for (const [exclude, url, isExcluded] of rows) {
    assert.is(manual(url, ['p:1'], [exclude]), isExcluded ? undefined : 'p 1', `${exclude} ${url}`);
  }
});

test('what PAC files answer', () => {
  const rows: readonly (readonly [answer: string, expected: string | undefined])[] = [
    ['DIRECT', 'direct'],
    ['', 'direct'],
    [' ; ', 'direct'],
    ['PROXY a:1; DIRECT', 'a 1'],
    ['proxy a', 'a 80'],
    ['HTTP a:1', 'a 1'],
    ['SOCKS a:1; PROXY b:2', 'b 2'],
    ['HTTPS a:1', undefined],
    ['SOCKS5 a:1; DIRECT', 'direct'],
    ['PROXY [::1]:8', '::1 8'],
    ['PROXY a:99999; PROXY b:1', 'b 1'],
    ['nonsense', undefined],
  ];
  for (const [answer, expected] of rows) assert.is(textOf(firstProxy(answer)), expected, answer);
});

test('no text makes them throw', () => {
  fc.assert(
    fc.property(fc.string(), fc.webUrl(), (text, url) => {
      firstProxy(text);
      manual(url, [text], [text]);
      discoveryName(text);
    }),
    { numRuns: 3000 },
  );
});

test('what is in force', () => {
  const kept = { servers: ['a:1'], excludes: ['b'] };
  const rows: readonly (readonly [
    ChosenProxy | undefined,
    offered: string | undefined,
    expected: object,
    boolean,
  ])[] = [
    [undefined, undefined, { method: 'direct' }, true],
    [undefined, 'http://o/', { method: 'auto', url: 'http://o/' }, true],
    [{ method: 'auto', ...kept }, undefined, { method: 'direct' }, true],
    [{ method: 'auto', ...kept }, 'http://o/', { method: 'auto', url: 'http://o/' }, true],
    [{ method: 'auto', url: 'http://u/', ...kept }, 'http://o/', { method: 'auto', url: 'http://u/' }, false],
    [{ method: 'direct', ...kept }, 'http://o/', { method: 'direct' }, false],
    [{ method: 'manual', ...kept }, 'http://o/', { method: 'manual', ...kept }, false],
  ];
  for (const [chosen, offered, expected, isLookedFor] of rows) {
    assert.equal(proxyInForce(chosen, offered), expected);
    assert.is(wantsDiscovery(chosen), isLookedFor);
  }
});

test('a PAC file is looked for in the domain that the network named, and nowhere above', () => {
  assert.is(discoveryName('a.b.example.com.'), 'wpad.a.b.example.com');
  assert.is(discoveryName('shop.co.uk'), 'wpad.shop.co.uk');
  assert.is(discoveryName('LAN.test'), 'wpad.lan.test');
  for (const none of [undefined, '', '.', 'lan', '..', 'a..b']) assert.is(discoveryName(none), undefined, String(none));
});

test.run();
