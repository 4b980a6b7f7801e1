/**
 * The proxy on addresses that come and go, as those of tethering bridges do: answered from the link
 * they are on and from no other, reported, tried again, and left without a trace.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DnsConfiguration } from '../../src/dns-backend/backend.ts';
import { internal } from '../../src/dns-backend/proxy/proxy.ts';
import { DeadlineClock } from '../../src/shared/clock.ts';
import { parseIpAddress, type IpAddress } from '../../src/shared/ipaddress.ts';
import { systemRandom } from '../../src/shared/random.ts';
import { createScope } from '../../src/shared/scope.ts';
import { memoryBus } from '../helpers/memory-bus.ts';
import type { Namespace } from '../helpers/namespace.ts';
import { fetchPeers } from '../helpers/peers.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { plugVeth } from './veth.ts';

const peers = await fetchPeers(['knot-dnsutils']);
enterNamespaces('--net');

const TETHER = '192.168.42.1';
const OTHER = '10.9.0.1';
const NOTHING: DnsConfiguration = { links: [], defaultIfindex: undefined, fallbackNameservers: [] };

test('an address is added, tried again, and taken back', async () => {
  const scope = createScope();
  const guests = await plugVeth('tether', { near: [], far: ['192.168.42.9/24'] });
  const strangers = await plugVeth('other', { near: [`${OTHER}/24`], far: ['10.9.0.9/24'] });
  await strangers.script(`ip route add ${TETHER} via ${OTHER}`);
  const written: string[] = [];
  const system = testSystem();
  const backend = internal.start({
    system,
    resolvConf: { write: (text) => written.push(text) },
    clock: new DeadlineClock(system.bootTimeSource(scope)),
    random: systemRandom,
    bus: await memoryBus().connect(scope),
    listen: undefined,
    isRebindingStopped: false,
    linkName: () => undefined,
    watchHosts: (_scope, onText) => onText('192.0.2.5 printer.test'),
    portHolder: () => undefined,
  }, scope);
  const bridge = scope.child();
  const listening = (): readonly string[] => backend.status?.listening ?? [];
  backend.apply(NOTHING);
  backend.listen?.(ip(TETHER), 'tether', bridge);
  await settled(() => listening().includes('127.0.0.1:53%lo'));
  assert.is(await ask(guests), 'no answer');

  execFileSync('ip', ['address', 'add', `${TETHER}/24`, 'dev', 'tether']);
  backend.apply(NOTHING);
  await settled(() => listening().includes(`${TETHER}:53%tether`));
  assert.is(await ask(guests), '192.0.2.5');
  assert.is(await ask(guests, '+tcp'), '192.0.2.5');
  assert.is(await ask(strangers), 'no answer');
  assert.ok(written.length > 0 && written.every((text) => !text.includes(TETHER)));

  await bridge.close();
  assert.not.ok(listening().includes(`${TETHER}:53%tether`));
  assert.is(await ask(guests), 'no answer');
  backend.apply(NOTHING);
  backend.listen?.(ip(TETHER), 'tether', scope.child());
  await settled(() => listening().includes(`${TETHER}:53%tether`));
  assert.is(await ask(guests), '192.0.2.5');
  await scope.close();
  assert.is(await ask(guests), 'no answer');
  await Promise.all([guests.close(), strangers.close()]);
});

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  assert.ok(address);
  return address;
}

async function ask(from: Namespace, ...words: string[]): Promise<string> {
  const libraries = readdirSync(`${peers}/usr/lib`).find((name) => name.includes('-linux-gnu')) ?? '';
  const argv = ['env', `LD_LIBRARY_PATH=${peers}/usr/lib/${libraries}`, `${peers}/usr/bin/kdig`, `@${TETHER}`];
  const { stdout } = await from.run([...argv, '+short', '+time=1', '+retry=1', 'printer.test', ...words]);
  return /^192\S+/m.exec(stdout)?.[0] ?? 'no answer';
}

async function settled(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 500, 'it never came to that');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test.run();
