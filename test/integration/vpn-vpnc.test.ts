/**
 * VPNC against Debian's strongSwan as a gateway of IKEv1 in aggressive mode with XAuth: secrets by agent,
 * each of them wrong once, and what every VPN must survive.
 */

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER_ADDRESS } from '../helpers/cell.ts';
import { busVariant } from '../helpers/bus-daemon.ts';
import {
  callConnection,
  createConnection,
  disconnect,
  isConnectionProperty,
  isServiceProperty,
  openTunToAll,
  processesOf,
  propertiesOf,
  startAgent,
  startBoth,
  tracesOf,
  withVpnCell,
} from '../helpers/vpn.ts';
import { answers, proveLife, wayTo } from '../helpers/vpn-life.ts';
import { IPSEC_INSIDE, startIpsec } from '../helpers/vpn-servers.ts';
import { daemon } from '../helpers/wired.ts';

const IDENT = '10_77_0_1';
const BASE = {
  Type: 'vpnc',
  Name: 'Cisco',
  Host: SERVER_ADDRESS,
  'VPNC.IPSec.ID': 'corp',
  'VPNC.NATTMode': 'force-natt',
  'VPNC.DPDTimeout': '10',
};
const SECRETS = {
  'VPNC.IPSec.Secret': 'group secret',
  'VPNC.Xauth.Username': 'alice',
  'VPNC.Xauth.Password': 'wonder land',
};

/** Begun at once, beside the other tests: vpnc takes half a minute to miss a server. */
const life = withVpnCell({ ...daemon.cell, cables: 2 }, async (cell) => {
  await proveLife(
    { cell, ...(await startBoth(cell)) },
    {
      ident: IDENT,
      settings: { ...BASE, ...SECRETS },
      isProvisioned: true,
      inside: IPSEC_INSIDE,
      link: 'vpn0',
      helper: { program: 'vpnc', mark: '--non-inter' },
      isLossSeen: true,
      startServer: () => startIpsec(cell),
    },
  );
});
life.catch(() => undefined);

/** connman-vpn.conf(5): far longer than an agent of this test takes that answers. */
const IMPATIENT = { '/etc/connman/connman-vpn.conf': '[General]\nInputRequestTimeout=5\n' };

test('secrets by agent, and refusals', () =>
  withVpnCell({ ...daemon.cell, files: { ...daemon.cell.files, ...IMPATIENT } }, async (cell) => {
    const { vpnd } = await startBoth(cell, '-d', 'vpn/*');
    const gateway = await startIpsec(cell);
    const { asked, attemptsAt } = await startAgent(cell);
    const attempt = attemptsAt(IDENT);
    const { 'VPNC.IPSec.ID': id, ...anonymous } = BASE;
    await createConnection(cell, anonymous);
    assert.match(await attempt(SECRETS), /InvalidArguments/, 'a group is needed');
    await callConnection(cell, IDENT, 'SetProperty', 'sv', ['VPNC.IPSec.ID', busVariant('s', id)]);
    const silent = performance.now();
    assert.match(await attempt('silence'), /OperationTimeout/);
    await cell.log.wait('the agent to be told', (event) => event.kind === 'call' && event.name.endsWith('.Cancel'), {
      since: silent,
    });
    const trace = (): string => `${vpnd.text.slice(-3000)}\n${gateway.text.slice(-2000)}`;
    assert.match(await attempt({ ...SECRETS, 'VPNC.IPSec.Secret': 'no' }), /PermissionDenied/, trace());
    const field = (type: string) => ({ Type: type, Requirement: 'mandatory' });
    assert.equal(asked[0], {
      'VPNC.IPSec.Secret': field('password'),
      'VPNC.Xauth.Username': field('string'),
      'VPNC.Xauth.Password': field('password'),
      Host: { Type: 'string', Requirement: 'informational', Value: SERVER_ADDRESS },
      Name: { Type: 'string', Requirement: 'informational', Value: 'Cisco' },
    });
    assert.match(await attempt({ ...SECRETS, 'VPNC.Xauth.Password': 'no' }), /PermissionDenied/, trace());
    assert.match(await attempt({ 'VPNC.IPSec.Secret': 'group secret' }), /PermissionDenied/);
    const since = performance.now();
    assert.is(await attempt(SECRETS), 'ok', trace());
    assert.ok('VpnAgent.AuthFailure' in Object(asked.at(-1)), 'the agent is told of what was refused');
    await cell.log.wait('the service to be ready', isServiceProperty(IDENT, 'State', 'ready'), { since });
    const ready = await propertiesOf(cell, IDENT);
    assert.match(JSON.stringify(ready['IPv4']), /"Address":"10\.72\.0\.1\d"/);
    assert.equal(ready['Nameservers'], [IPSEC_INSIDE]);
    assert.is(ready['VPNC.Xauth.Username'], 'alice');
    assert.ok(await answers(cell, IPSEC_INSIDE), trace());
    assert.match(await wayTo(cell, '198.51.100.1'), /dev vpn0/, 'the one of an attempt before is gone');
    const traces = (await tracesOf(cell, 'vpnc', 'node', 'connman-vpnd')) + vpnd.text + JSON.stringify(ready);
    assert.not.match(traces, /wonder land|group secret/);
    assert.not.match(await cell.device.output(['sh', '-c', 'cat /var/lib/connman/*/settings']), /wonder|group secret/);
    await disconnect(cell, IDENT);
    assert.equal(await processesOf(cell, 'vpnc'), []);
    await gateway.stop();
    assert.match(await attempt(SECRETS), /NotConnected/, 'a gateway that is not there');
  }));

const RIGHTS = '/etc/connman/vpn-plugin/vpnc.conf';

test('as another user, who may count as the system or not', () =>
  withVpnCell(daemon.cell, async (cell) => {
    const { vpnd } = await startBoth(cell, '-d', 'vpn/*');
    await startIpsec(cell);
    await openTunToAll(cell);
    const { attemptsAt } = await startAgent(cell);
    await createConnection(cell, BASE);
    for (const [users, hasOwnFile] of [
      ['', true],
      ['SystemBinaryUsers=bin,nobody\n', false],
    ] as const) {
      await cell.device.script(`mkdir -p ${dirname(RIGHTS)}
printf '[DACPrivileges]\nUser=nobody\n${users}' >${RIGHTS}`);
      const since = performance.now();
      assert.is(await attemptsAt(IDENT)(SECRETS), 'ok', vpnd.text.slice(-3000));
      await cell.log.wait('the tunnel', isConnectionProperty('State', 'ready'), { since });
      const [pid = 0] = await processesOf(cell, 'vpnc');
      assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Uid:\t65534\t65534/m);
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      assert.is(words.includes('--pid-file'), hasOwnFile, 'the system keeps it where vpnc does');
      await disconnect(cell, IDENT);
    }
  }));

test('servers, helpers, uplinks and daemons go and come back', () => life);

test.run();
