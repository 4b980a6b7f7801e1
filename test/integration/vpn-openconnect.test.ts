/**
 * OpenConnect against Debian's ocserv: user and password by agent, certificates, a cookie, a server that nobody
 * signed for, wrong passwords, a server that is not there, and what every VPN must survive.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER_ADDRESS } from '../helpers/cell.ts';
import { busVariant } from '../helpers/bus-daemon.ts';
import {
  callConnection,
  createConnection,
  disconnect,
  isConnectionProperty,
  processesOf,
  propertiesOf,
  tracesOf,
  startAgent,
  startBoth,
  withVpnCell,
} from '../helpers/vpn.ts';
import { answers, proveLife } from '../helpers/vpn-life.ts';
import { makeCertificates, PKI, startOcserv } from '../helpers/vpn-servers.ts';
import { daemon } from '../helpers/wired.ts';

const IDENT = '10_77_0_1_4443';
const BASE = {
  Type: 'openconnect',
  Name: 'OC',
  Host: `${SERVER_ADDRESS}:4443`,
  'OpenConnect.AuthType': 'userpass',
  'OpenConnect.NoDTLS': 'true',
};

test('user and password by agent, certificates, refusals', () =>
  withVpnCell(daemon.cell, async (cell) => {
    const { vpnd } = await startBoth(cell, '-d', 'vpn/*');
    await makeCertificates(cell, SERVER_ADDRESS);
    const ocserv = await startOcserv(cell);
    const { asked, attemptsAt } = await startAgent(cell);
    const attempt = attemptsAt(IDENT);
    const right = { Username: 'alice', Password: 'wonder land' };
    await createConnection(cell, BASE);
    assert.match(await attempt(right), /PermissionDenied/, 'nobody signed the certificate');
    assert.equal(asked[0], {
      Username: { Type: 'string', Requirement: 'mandatory' },
      Password: { Type: 'password', Requirement: 'mandatory' },
      Host: { Type: 'string', Requirement: 'informational', Value: BASE.Host },
      Name: { Type: 'string', Requirement: 'informational', Value: 'OC' },
    });
    await callConnection(cell, IDENT, 'SetProperty', 'sv', ['OpenConnect.CACert', busVariant('s', `${PKI}/ca.pem`)]);
    assert.match(await attempt({ ...right, Password: 'wrong' }), /PermissionDenied/);
    assert.match(await attempt({ Username: 'alice' }), /PermissionDenied/);
    const since = performance.now();
    assert.is(await attempt(right), 'ok', `${ocserv.text}${vpnd.text}`);
    await cell.log.wait('the tunnel', isConnectionProperty('State', 'ready'), { since });
    const ready = await propertiesOf(cell, IDENT);
    assert.match(JSON.stringify(ready['IPv4']), /"Address":"10\.68\.0\.\d+"/);
    assert.equal([ready['Nameservers'], ready['Domain']], [['10.68.0.1'], 'oc.test']);
    const ping = await cell.device.run(['ping', '-c1', '-W3', '10.68.0.1']);
    assert.is(ping.status, 0, 'the other end answers');
    assert.not.match(await tracesOf(cell, 'openconnect', 'node', 'connman-vpnd'), /wonder land/);
    assert.not.match(vpnd.text, /wonder land/);
    assert.not.match(JSON.stringify(ready), /wonder land|Cookie/);
    await disconnect(cell, IDENT);
    assert.equal(await processesOf(cell, 'openconnect'), []);

    // By the fingerprint that is seen first, and kept.
    await callConnection(cell, IDENT, 'ClearProperty', 's', ['OpenConnect.CACert']);
    await callConnection(cell, IDENT, 'SetProperty', 'sv', [
      'OpenConnect.AllowSelfSignedCert',
      busVariant('s', 'true'),
    ]);
    const again = performance.now();
    assert.is(await attempt(right), 'ok');
    await cell.log.wait('the tunnel', isConnectionProperty('State', 'ready'), { since: again });
    assert.match(String((await propertiesOf(cell, IDENT))['OpenConnect.ServerCert']), /^(pin-sha256|sha256):/);

    await ocserv.stop();
    await disconnect(cell, IDENT);
    assert.match(await attempt(right), /NotConnected/, 'a server that is not there');
    await callConnection(cell, IDENT, 'SetProperty', 'sv', ['OpenConnect.AuthType', busVariant('s', 'publickey')]);
    assert.match(await attempt(), /PermissionDenied/, 'no certificate to show');
  }));

test('by certificate, by one in a locked file, by cookie', () =>
  withVpnCell(daemon.cell, async (cell) => {
    const { vpnd } = await startBoth(cell, '-d', 'vpn/*');
    await makeCertificates(cell, SERVER_ADDRESS);
    await cell.device.script(`cd ${PKI}
openssl pkcs12 -export -in client.pem -inkey client.key -passout pass:pkcs-pass -out client.p12`);
    const user = 'cert-user-oid = 2.5.4.3';
    const ocserv = await startOcserv(cell, [`ca-cert = ${PKI}/ca.pem`, user, 'enable-auth = "certificate"']);
    const { asked, attemptsAt } = await startAgent(cell);
    const attempt = attemptsAt(IDENT);
    const connects = async (settings: Record<string, string>, ...given: Record<string, string>[]): Promise<void> => {
      await createConnection(cell, { ...BASE, 'OpenConnect.CACert': `${PKI}/ca.pem`, ...settings });
      const since = performance.now();
      assert.is(await attempt(...given), 'ok', `${vpnd.text.slice(-3000)}\n${ocserv.text.slice(-2000)}`);
      await cell.log.wait('the tunnel', isConnectionProperty('State', 'ready'), { since });
      assert.ok(await answers(cell, '10.68.0.1'), 'the other end answers');
      await disconnect(cell, IDENT);
    };
    const key = { 'OpenConnect.ClientCert': `${PKI}/client.pem`, 'OpenConnect.UserPrivateKey': `${PKI}/client.key` };
    await connects({ 'OpenConnect.AuthType': 'publickey', ...key });
    assert.equal(asked, [], 'nobody is asked');

    const locked = { 'OpenConnect.AuthType': 'pkcs', 'OpenConnect.PKCSClientCert': `${PKI}/client.p12` };
    await createConnection(cell, { ...BASE, 'OpenConnect.CACert': `${PKI}/ca.pem`, ...locked });
    assert.match(await attempt({ 'OpenConnect.PKCSPassword': 'no' }), /PermissionDenied/);
    await connects(locked, { 'OpenConnect.PKCSPassword': 'pkcs-pass' });
    assert.equal(Object(asked[0])['OpenConnect.PKCSPassword'], { Type: 'password', Requirement: 'mandatory' });

    const { stdout } = await cell.device.run(
      ['openconnect', '--authenticate', '--user=alice', '--passwd-on-stdin', `--cafile=${PKI}/ca.pem`, BASE.Host],
      { input: 'wonder land\n' },
    );
    const cookie = /^COOKIE='([^']*)'/m.exec(stdout)?.[1] ?? '';
    await connects({ 'OpenConnect.AuthType': 'cookie' }, { 'OpenConnect.Cookie': cookie });
    assert.not.match(vpnd.text + JSON.stringify(await propertiesOf(cell, IDENT)), /pkcs-pass/);
    assert.ok(cookie !== '' && !vpnd.text.includes(cookie));
  }));

test('servers, helpers, uplinks and daemons go and come back', () =>
  withVpnCell({ ...daemon.cell, cables: 2 }, async (cell) => {
    await makeCertificates(cell, SERVER_ADDRESS);
    const credentials = { 'OpenConnect.Username': 'alice', 'OpenConnect.Password': 'wonder land' };
    await proveLife(
      { cell, ...(await startBoth(cell)) },
      {
        ident: IDENT,
        settings: { ...BASE, ...credentials, 'OpenConnect.CACert': `${PKI}/ca.pem` },
        isProvisioned: true,
        inside: '10.68.0.1',
        link: 'vpn0',
        helper: { program: 'openconnect', mark: '--cookie-on-stdin' },
        isLossSeen: true,
        startServer: () => startOcserv(cell),
      },
    );
  }));

test.run();
