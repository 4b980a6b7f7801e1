/** Names of VPN servers: asked where programs ask, and below the tunnels where nothing comes of that. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RECORD_TYPE } from '../../../src/dns/records.ts';
import { parseIpAddress, type IpAddress } from '../../../src/shared/ipaddress.ts';
import type { Outside } from '../../../vpn/connectivity.ts';
import { hostResolver } from '../../../vpn/resolve-host.ts';
import { withScope } from '../../helpers/with-scope.ts';
import { FakeServers, recordOf } from '../dns/fake-servers.ts';

const INSIDE = '198.51.100.53';
const OUTSIDE = '192.0.2.53';

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

test('a name server behind a tunnel that is dead', withScope(async ({ clock, scope }) => {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-resolve-'));
  scope.defer(() => rmSync(folder, { recursive: true }));
  const resolvConf = join(folder, 'resolv.conf');
  writeFileSync(resolvConf, `nameserver ${INSIDE}\n`);
  const servers = new FakeServers();
  const random = { u32: () => 1, fraction: () => 0 };
  let below: Outside | undefined = { device: 'eth0', servers: [ip(OUTSIDE)] };
  const resolver = hostResolver({ resolvConf, outside: async () => below }, { system: servers.system, clock, random });
  const ask = async (host: string): Promise<string> => {
    const answer = resolver(host, scope.signal).then(String, (error: unknown) => String(error));
    await clock.advance(20_000);
    return answer;
  };
  let knowing = OUTSIDE;
  servers.onQuery = ({ server, query, answer }) => {
    if (server !== knowing || query.questions[0]?.type !== RECORD_TYPE.A) return;
    const address = { kind: 'address', address: ip('192.0.2.1') } as const;
    answer({ answers: [recordOf(query.questions[0].name, RECORD_TYPE.A, address)] });
  };

  assert.is(await ask('192.0.2.9'), '192.0.2.9');
  assert.is(servers.received.length, 0, 'an address is asked of nobody');

  assert.is(await ask('vpn.example'), '192.0.2.1');
  const devices = new Map(servers.received.map(({ server, options }) => [server, options.device]));
  assert.equal([...devices], [[INSIDE, undefined], [OUTSIDE, 'eth0']], 'first the one, then the other by its link');

  knowing = INSIDE;
  servers.received.length = 0;
  assert.is(await ask('vpn.example'), '192.0.2.1');
  assert.not.ok(servers.received.some(({ server }) => server === OUTSIDE), 'who answers is believed');

  knowing = '';
  assert.match(await ask('vpn.example'), /timeout/);
  below = undefined;
  assert.match(await ask('vpn.example'), /timeout/, 'no network at all');
  assert.is(servers.openSockets, 0);
}));

test.run();
