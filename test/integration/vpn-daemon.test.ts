/**
 * connman-vpnd on the bus: what Debian's 1.41 answers and signals, ours does too (VPN_DAEMON=debian runs
 * the first test against Debian's); its crashes are not ours; activation, storage, provisioning, import.
 */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { busVariant, BUS_SOCKET } from '../helpers/bus-daemon.ts';
import { SERVER_ADDRESS, type Cell } from '../helpers/cell.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import {
  callConnection,
  callManager,
  connectionPath,
  createConnection,
  errorOf,
  isConnectionProperty,
  isDebian,
  propertiesOf,
  startVpnd,
  withVpnCell,
} from '../helpers/vpn.ts';

const IDENT = '192_0_2_1';
const WIREGUARD = {
  Type: 'wireguard',
  Name: 'W',
  Host: '192.0.2.1',
  'WireGuard.Address': '10.0.0.2/24',
  'WireGuard.PrivateKey': 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=',
  'WireGuard.PublicKey': 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=',
  'WireGuard.AllowedIPs': '10.0.0.0/24, 10.1.0.0/16',
};

const NO_NETWORK = { dnsmasq: false } as const;

/** ConnMan's signals since `since`, in order: path, member and body. */
const isSaid = (member: string) => (event: CellEvent): boolean =>
  event.kind === 'signal' && event.name.endsWith(`.Manager.${member}`);

/** A file that says what it said leaves its connections alone, whatever becomes of another. */
async function proveTouching(cell: Cell): Promise<void> {
  const since = performance.now();
  const [kept, more] = ['office', 'more'].map((name) => `/var/lib/connman-vpn/${name}.config`);
  await cell.device.script(`touch ${kept}; sed 's/192.0.2.7/192.0.2.8/' ${kept} >${more}`);
  await cell.log.wait('another file\'s', isSaid('ConnectionAdded'), { since });
  assert.not.ok(cell.log.since(since).some(isSaid('ConnectionRemoved')), 'nothing else was said');
  await cell.device.script(`rm ${more}`);
  await cell.log.wait('it to go with its file', isSaid('ConnectionRemoved'), { since });
}

function signals(cell: Cell, since: number): string[] {
  return cell.log.since(since).flatMap((event: CellEvent) => {
    if (event.kind !== 'signal' || event.name.endsWith('PropertiesChanged')) return [];
    return [`${event.path.split('/').at(-1)} ${event.name.split('.').at(-1)} ${JSON.stringify(event.body)}`];
  });
}

const set = (cell: Cell, name: string, signature: string, value: unknown): Promise<string> =>
  errorOf(callConnection(cell, IDENT, 'SetProperty', 'sv', [name, busVariant(signature, value)]));

test("Manager and Connection answer and signal as Debian's", () =>
  withVpnCell(NO_NETWORK, async (cell) => {
    await startVpnd(cell);
    let since = performance.now();
    assert.is(await createConnection(cell, WIREGUARD), connectionPath(IDENT));
    await cell.log.wait(
      'it to be announced',
      (event) => event.kind === 'signal' && event.name.endsWith('ConnectionAdded'),
    );
    const [added = '', announced = ''] = signals(cell, since);
    assert.is(
      added,
      ` InterfacesAdded ${JSON.stringify([
        connectionPath(IDENT),
        { 'org.freedesktop.DBus.Introspectable': {}, 'net.connman.vpn.Connection': {} },
      ])}`,
    );
    assert.match(
      announced,
      new RegExp(
        '^ ConnectionAdded \\["/net/connman/vpn/connection/192_0_2_1",\\{"State":"idle",' +
          '"Type":"wireguard","Name":"W","Host":"192.0.2.1","Index":0,"Immutable":false,' +
          '"SplitRouting":false,"Nameservers":\\[\\],"UserRoutes":\\[\\],"ServerRoutes":\\[\\],"WireGuard',
      ),
    );

    since = performance.now();
    await createConnection(cell, { ...WIREGUARD, Name: 'X' });
    await cell.log.wait('it again', (event) => event.kind === 'signal' && event.name.endsWith('ConnectionAdded'), {
      since,
    });
    assert.is(signals(cell, since)[0], '192_0_2_1 PropertyChanged ["Name","X"]');

    assert.match(
      await errorOf(createConnection(cell, { Type: 'wireguard', Name: 'x' })),
      /^net\.connman\.Error\.InvalidArguments/,
    );
    assert.match(
      await errorOf(createConnection(cell, { Host: 'h', Name: 'x' })),
      /^net\.connman\.Error\.NotSupported/,
    );
    await proveProperties(cell);
    assert.is(await errorOf(callConnection(cell, IDENT, 'Disconnect')), 'ok', 'nothing to do while idle');
    assert.is(await errorOf(callManager(cell, 'RegisterAgent', 'o', ['/a'])), 'ok');
    assert.match(await errorOf(callManager(cell, 'RegisterAgent', 'o', ['/a'])), /AlreadyExists/);
    assert.is(await errorOf(callManager(cell, 'UnregisterAgent', 'o', ['/a'])), 'ok');
    assert.match(await errorOf(callManager(cell, 'UnregisterAgent', 'o', ['/a'])), /NotRegistered/);
    since = performance.now();
    assert.is(await errorOf(callManager(cell, 'Remove', 'o', [connectionPath(IDENT)])), 'ok');
    assert.match(await errorOf(callManager(cell, 'Remove', 'o', [connectionPath(IDENT)])), /NotFound/);
    assert.match(signals(cell, since)[0] ?? '', /ConnectionRemoved/);
    assert.match(signals(cell, since)[1] ?? '', /InterfacesRemoved.*Introspectable.*Connection/);
  }));

/** What may be set, what may not, and what is signalled. */
async function proveProperties(cell: Cell): Promise<void> {
  const since = performance.now();
  assert.is(await set(cell, 'Name', 's', 'Y'), 'ok');
  assert.is(await set(cell, 'Name', 's', 'Y'), 'ok');
  assert.match(await set(cell, 'Name', 'i', 1), /^net\.connman\.Error\.InvalidProperty/);
  assert.match(await set(cell, 'SplitRouting', 's', 'true'), /^net\.connman\.Error\.InvalidProperty/);
  assert.is(await set(cell, 'SplitRouting', 'b', true), 'ok');
  assert.match(await set(cell, 'UserRoutes', 's', 'x'), /^net\.connman\.Error\.InvalidProperty/);
  const route = (network: string, netmask: string, gateway?: string): unknown[] => [
    {
      Network: busVariant('s', network),
      Netmask: busVariant('s', netmask),
      ...(gateway !== undefined && { Gateway: busVariant('s', gateway) }),
    },
  ];
  const incomplete = [{ Network: busVariant('s', '10.8.0.0') }];
  const routes = [route('10.9.0.0', '255.255.0.0'), incomplete, route('fd00::', '64', 'fd00::1')];
  assert.is(await set(cell, 'UserRoutes', 'a(a{sv})', routes), 'ok');
  assert.is(await set(cell, 'VPN.Domain', 's', 'e.test'), 'ok');
  const batch = { Name: busVariant('s', 'Z'), Bar: busVariant('s', 'b'), 'X.Int': busVariant('i', 2) };
  assert.is(
    await set(cell, 'Properties', 'a{sv}', batch),
    'net.connman.Error.InvalidProperty: Invalid properties X.Int',
  );
  const clear = (name: string): Promise<string> =>
    errorOf(callConnection(cell, IDENT, 'ClearProperty', 's', [name]));
  assert.is(await clear('Bar'), 'ok');
  assert.match(await clear('Bar'), /^net\.connman\.Error\.InvalidProperty/);
  assert.is(await clear('UserRoutes'), 'ok');
  await cell.log.wait('the last of it', isConnectionProperty('Bar', ''), { since });
  assert.equal(
    signals(cell, since).map((line) => line.slice('192_0_2_1 PropertyChanged '.length)),
    [
      '["Name","Y"]',
      '["SplitRouting",true]',
      JSON.stringify([
        'UserRoutes',
        [
          [{ ProtocolFamily: 4, Network: '10.9.0.0', Netmask: '255.255.0.0' }],
          [{ ProtocolFamily: 6, Network: 'fd00::', Netmask: '64', Gateway: 'fd00::1' }],
        ],
      ]),
      '["Domain","e.test"]',
      '["Name","Z"]',
      '["Bar","b"]',
      '["Bar",""]',
      '["UserRoutes",[]]',
    ],
  );
}

if (!isDebian) {
  test('what made ConnMan crash or lie does not', () =>
    withVpnCell(NO_NETWORK, async (cell) => {
      const vpnd = await startVpnd(cell);
      assert.match(await errorOf(createConnection(cell, { ...WIREGUARD, Type: 'nosuch' })), /Failed: No such device/);
      const [none] = await callManager(cell, 'GetConnections');
      assert.equal(none, [], 'nothing half made, and nothing stored');
      assert.not.match(await cell.device.output(['ls', '/var/lib/connman']), /provider_/);
      await createConnection(cell, WIREGUARD);
      assert.is(await set(cell, 'Name', 's', ''), 'ok');
      assert.match(await set(cell, 'State', 's', 'ready'), /InvalidProperty/);
      assert.match(await set(cell, 'Index', 's', '7'), /InvalidProperty/);
      assert.match(
        await set(cell, 'WireGuard.AllowedIPs', 's', '10.0.0.0/99'),
        /InvalidProperty.*10\.0\.0\.0\/99.*wanted/,
      );
      assert.match(await set(cell, 'WireGuard.PublicKey', 's', 'abc'), /: .*WireGuard\.PublicKey.*"abc".*32 bytes/);
      assert.match(await set(cell, 'WireGuard.ListPort', 's', '1'), /: .*ListPort is no option of wireguard/);
      const secret = await set(cell, 'WireGuard.PrivateKey', 's', 'tooshort');
      assert.match(secret, /InvalidProperty/);
      assert.not.match(secret, /tooshort/, 'a secret is not repeated');
      const properties = await propertiesOf(cell, IDENT);
      assert.equal([properties['State'], properties['Index']], ['idle', 0]);
      // A task that nobody was given: no object, and nothing happens.
      const task = { destination: 'net.connman.vpn', path: '/task/0', interface: 'net.connman.Task' };
      const lie = errorOf(cell.bus.call({ ...task, member: 'notify', signature: 'sa{ss}', body: ['up', {}] }));
      assert.match(await lie, /UnknownObject|UnknownMethod/);
      assert.ok(vpnd.isRunning);
    }));

  test('the bus starts it, and it takes over what ConnMan stored and files provide', () => {
    const stored = `[192_0_2_9_corp]\nName=Old\nType=openvpn\nHost=192.0.2.9\nVPN.Domain=corp
Networks=2/10.5.0.0/16/;\nOpenVPN.Port=1195\n`;
    const provisioned = `[provider_office]\nType=WireGuard\nName=Office\nHost=192.0.2.7
Networks=10.1.0.0/16,192.168.5.0/255.255.255.0/10.1.0.1\n${Object.entries(WIREGUARD)
      .filter(([key]) => key.startsWith('WireGuard.'))
      .map(([key, value]) => `${key}=${value}`)
      .join('\n')}
WireGuard.ListPort=1\n[peer_office_2]\nPublicKey=${WIREGUARD['WireGuard.PublicKey']}\nAllowedIPs=10.2.0.0/16\n`;
    const files = {
      '/var/lib/connman/provider_192_0_2_9_corp/settings': stored,
      '/var/lib/connman-vpn/office.config': provisioned,
      '/usr/share/vpn-services/net.connman.vpn.service': [
        '[D-BUS Service]',
        'Name=net.connman.vpn',
        `Exec=${resolve('build/bin/connman-vpnd')} -n`,
        'User=root\n',
      ].join('\n'),
    };
    return withVpnCell({ ...NO_NETWORK, files }, async (cell) => {
      // As bus configurations without a helper do it.
      const path = cell.device.path('/run/dbus/cell.conf');
      writeFileSync(
        path,
        cell.device
          .read('/run/dbus/cell.conf')
          .replace('<auth>', '<servicedir>/usr/share/vpn-services</servicedir><auth>'),
      );
      await reloadBus(cell);
      const [list] = await callManager(cell, 'GetConnections');
      const idents = (Array.isArray(list) ? list : []).map(([each]: [string]) => each.split('/').at(-1));
      assert.equal(new Set(idents), new Set(['192_0_2_7', '192_0_2_9_corp']));
      const old = await propertiesOf(cell, '192_0_2_9_corp');
      assert.equal(
        [old['Name'], old['Domain'], old['OpenVPN.Port'], old['Immutable']],
        ['Old', 'corp', '1195', false],
      );
      assert.equal(old['UserRoutes'], [[{ ProtocolFamily: 4, Network: '10.5.0.0', Netmask: '16' }]]);
      const office = await propertiesOf(cell, '192_0_2_7');
      assert.equal([office['Immutable'], office['Type']], [true, 'wireguard']);
      assert.is(office['WireGuard.Peer.office_2.AllowedIPs'], '10.2.0.0/16');
      assert.not.ok('WireGuard.ListPort' in office, 'what is wrong is left out');
      assert.match(
        await errorOf(callConnection(cell, '192_0_2_7', 'SetProperty', 'sv', ['Name', busVariant('s', 'x')])),
        /NotSupported/,
      );
      await proveTouching(cell);
      const since = performance.now();
      await cell.device.script('rm /var/lib/connman-vpn/office.config');
      await cell.log.wait(
        'it to go with its file',
        isSaid('ConnectionRemoved'),
        { since },
      );
      await callManager(cell, 'Remove', 'o', [connectionPath('192_0_2_9_corp')]);
      assert.not.match(await cell.device.output(['ls', '/var/lib/connman']), /provider_/);
    });
  });

  test('files of other programs are imported', () => {
    const files = {
      '/home/home.conf': `[Interface]\nPrivateKey = ${WIREGUARD['WireGuard.PrivateKey']}
Address = 10.0.0.2/24, fd00::2/64
DNS = 10.0.0.1\nPostUp = touch /run/bad\n[Peer]\nPublicKey = ${WIREGUARD['WireGuard.PublicKey']}
AllowedIPs = 10.0.0.0/24, 10.9.0.0/16\nEndpoint = [2001:db8::1]:51900\n`,
      '/home/work.ovpn': `client\nremote ${SERVER_ADDRESS} 1195 tcp-client\nca ca.pem\nauth-user-pass
remote-cert-tls server
<cert>\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n</cert>\nroute 10.7.0.0 255.255.0.0\n`,
      '/home/ca.pem': 'an authority\n',
      '/home/bad.ovpn': `remote ${SERVER_ADDRESS}\nup /bin/evil\n`,
    };
    return withVpnCell({ ...NO_NETWORK, files }, async (cell) => {
      await startVpnd(cell);
      const console = (...words: string[]) => cell.device.run([resolve('build/bin/connmanctl'), 'vpn', ...words]);
      const home = await console('import', '/home/home.conf');
      assert.is(home.status, 0, home.stderr);
      assert.match(home.stderr, /line 5: PostUp is passed over/);
      const properties = await propertiesOf(cell, '2001_db8__1');
      assert.equal(
        [
          properties['Name'],
          properties['SplitRouting'],
          properties['WireGuard.EndpointPort'],
          properties['WireGuard.DNS'],
        ],
        ['home', true, '51900', '10.0.0.1'],
      );
      assert.is(Object(properties['UserRoutes']).length, 2);

      const work = await console('import', '/home/work.ovpn', 'Work');
      assert.is(work.status, 0, work.stderr);
      const ovpn = await propertiesOf(cell, '10_77_0_1');
      assert.equal(
        [ovpn['OpenVPN.Proto'], ovpn['OpenVPN.AuthUserPass'], ovpn['SplitRouting']],
        ['tcp-client', '-', true],
      );
      const ca = String(ovpn['OpenVPN.CACert']);
      assert.is(cell.device.read(ca), 'an authority\n');
      assert.match(await cell.device.output(['stat', '-c', '%a %U', ca]), /^600 /);

      const bad = await console('import', '/home/bad.ovpn');
      assert.is(bad.status, 22);
      assert.match(bad.stderr, /line 2: up would run/);
      const created = await console(
        'create',
        'openvpn',
        '192.0.2.3',
        'Three',
        'OpenVPN.Port=1196',
        'OpenVPN.Cipher=@/home/ca.pem',
      );
      assert.is(created.status, 0, created.stderr);
      assert.is((await propertiesOf(cell, '192_0_2_3'))['OpenVPN.Cipher'], 'an authority');
    });
  });

  test('what is wrong is refused with what would be right', () => {
    const files = {
      '/home/empty.conf': '',
      '/home/open.ovpn': `remote ${SERVER_ADDRESS}\n<ca>\nAAAA\n`,
      '/home/large.ovpn': `remote ${SERVER_ADDRESS}\n${'# comment\n'.repeat(120_000)}`,
      '/home/short.conf': '[Interface]\nPrivateKey = aGVsbG8=\nAddress = 10.0.0.2/24\n[Peer]\nEndpoint = 192.0.2.9:1\n',
    };
    return withVpnCell({ ...NO_NETWORK, files }, async (cell) => {
      await startVpnd(cell);
      const console = (...words: string[]) => cell.device.run([resolve('build/bin/connmanctl'), 'vpn', ...words]);
      for (const [file, complaint] of [
        ['empty.conf', /empty\.conf: no remote, as openvpn has it, and no \[Interface\], as WireGuard has it$/m],
        ['open.ovpn', /open\.ovpn: line 2: <ca> has no end$/m],
        ['large.ovpn', /larger than a mebibyte/],
        ['short.conf', /WireGuard\.PrivateKey has a wrong value \*\*\*: 32 bytes in base64/],
      ] as const) {
        const refused = await console('import', `/home/${file}`);
        assert.is.not(refused.status, 0, file);
        assert.match(refused.stderr, complaint);
      }
      for (const [host, setting, complaint] of [
        ['192.0.2.4', 'OpenVPN.Port=x', /OpenVPN\.Port has a wrong value "x": a port from 0 to 65535 wanted/],
        ['192.0.2.4', 'OpenVPN.Proto=sctp', /OpenVPN\.Proto has a wrong value "sctp": .*udp.*tcp-client.* wanted/],
        ['--up', 'OpenVPN.Port=1', /Host has a wrong value "--up": a name or address wanted/],
        ['192.0.2.4', 'OpenVPN.Porto=1', /OpenVPN\.Porto is no option of openvpn: it has OpenVPN\.CACert/],
      ] as const) {
        assert.match((await console('create', 'openvpn', host, 'Four', setting)).stderr, complaint);
      }
      const [list] = await callManager(cell, 'GetConnections');
      assert.equal(list, [], 'nothing of what was refused');
    });
  });
}

async function reloadBus(cell: Cell): Promise<void> {
  assert.ok(BUS_SOCKET.startsWith('/run/dbus/'));
  const driver = 'org.freedesktop.DBus';
  await cell.bus.call({
    destination: driver,
    path: '/org/freedesktop/DBus',
    interface: driver,
    member: 'ReloadConfig',
  });
}

test.run();
