/** Wi-Fi from the air to the client: scans, connecting, secrets, failures and what heals them. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DBusError } from '../../../../src/dbus/errors.ts';
import { causewayManagerInterface } from '../../../../src/dbus/interfaces/causeway-manager.ts';
import { managerInterface } from '../../../../src/dbus/interfaces/manager.ts';
import { supplicantInterface } from '../../../../src/dbus/interfaces/wpa-supplicant.ts';
import { technologyInterface } from '../../../../src/dbus/interfaces/technology.ts';
import { parseIpAddress } from '../../../../src/shared/ipaddress.ts';
import { groupOf, storedNetwork, type WifiBench, wifiBench, wifiIdentifier } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const SECRET = 'rigsecret';
const HOME = groupOf('home', 'psk');
const HOME_AP = { ssid: 'home', keyManagements: ['wpa-psk'], secret: SECRET, frequencyMhz: 2437 };
const WORK = groupOf('work', 'psk');
const WORK_AP = { ssid: 'work', keyManagements: ['wpa-psk'], secret: SECRET };
const FAVORITE = ['Favorite=true', 'AutoConnect=true', `Passphrase=${SECRET}`, 'Modified=2026-01-01T00:00:00Z'];
const KNOWN_HOME = storedNetwork(HOME, [...FAVORITE, `SSID=${Buffer.from('home').toString('hex')}`, 'Frequency=2437']);

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'success', (error: Error) => error.name);

function statesOf({ signals }: WifiBench, group: string): string[] {
  const start = `Service ${wifiIdentifier(group)} State `;
  return signals.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length + 1, -1));
}

test('a network is listed, and joined with what the user says', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: storedNetwork(HOME) });
  assert.equal(bench.state(HOME), ['idle', undefined]);
  bench.agent.answer = { Passphrase: SECRET };
  await bench.service(HOME).Connect();
  await bench.settled();
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.equal(bench.agent.heard, [`RequestInput ${wifiIdentifier(HOME)} Passphrase`]);
  assert.is(bench.supplicant.blocks[0]?.get('key_mgmt')?.value, 'WPA-PSK');
  bench.core.sleep.begin();
  const file = bench.files.get(`${wifiIdentifier(HOME)}/settings`) ?? '';
  for (const line of ['Favorite=true', 'Passphrase=rigsecret', 'Frequency=2437', 'SSID=686f6d65']) {
    assert.ok(file.includes(line), `${line} in ${file}`);
  }
}));

test('a favourite is looked for on its frequency, and connected without a question', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: KNOWN_HOME });
  await bench.settled();
  assert.equal(bench.supplicant.calls.filter((call) => call.startsWith('Scan')), ['Scan active home 2437']);
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.equal(bench.agent.heard, []);
}));

test('of what a scan finds the best favourite is connected, not the first heard', withScope(async (context) => {
  const air = { weak: { ...WORK_AP, signalDbm: -80 }, strong: { ...HOME_AP, signalDbm: -40 } };
  const files = { ...KNOWN_HOME, ...storedNetwork(WORK, FAVORITE) };
  const bench = await wifiBench(context, air, { files });
  await bench.settled();
  assert.equal([bench.state(HOME)[0], bench.state(WORK)[0]], ['ready', 'idle']);
}));

test('another network of the same radio: the first leaves, then the second is joined', withScope(async (context) => {
  const files = { ...KNOWN_HOME, ...storedNetwork(WORK, ['Favorite=true', `Passphrase=${SECRET}`]) };
  const bench = await wifiBench(context, { home: HOME_AP, work: WORK_AP }, { files });
  await bench.settled();
  bench.supplicant.calls.length = 0;
  bench.signals.length = 0;
  await bench.service(WORK).Connect();
  await bench.settled();
  assert.equal([bench.state(HOME)[0], bench.state(WORK)[0]], ['idle', 'ready']);
  // The scan of the start has listened to the other's channel alone.
  const looked = 'Scan active work 2412';
  assert.equal(bench.supplicant.calls, ['Disconnect', 'RemoveNetwork', looked, 'AddNetwork', 'SelectNetwork']);
  const states = bench.signals.filter((line) => / State "/.test(line) && line.startsWith('Service'));
  assert.equal(states.map((line) => [line.includes(HOME) ? 'home' : 'work', line.split(' ').at(-1)].join(' ')), [
    'home "disconnect"', 'home "idle"', 'work "association"', 'work "configuration"', 'work "ready"',
  ]);
}));

test('a wrong key is told as one, shown when asked again, and kept only when it works', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: storedNetwork(HOME) });
  bench.agent.answer = { Passphrase: 'not the one' };
  assert.is(await codeOf(bench.service(HOME).Connect()), 'net.connman.Error.Failed');
  await bench.settled();
  assert.ok(bench.agent.heard.includes(`ReportError ${wifiIdentifier(HOME)} invalid-key`));
  assert.equal(statesOf(bench, HOME), ['association', 'failure', 'idle']);
  assert.not.ok(bench.files.get(`${wifiIdentifier(HOME)}/settings`)?.includes('Passphrase'));
  assert.equal(bench.state(HOME), ['idle', 'invalid-key'], 'why it failed is known until the next answer');
  bench.signals.length = 0;
  bench.agent.answer = { Passphrase: SECRET };
  await bench.service(HOME).Connect();
  assert.is(bench.agent.heard.at(-1), `RequestInput ${wifiIdentifier(HOME)} Passphrase,PreviousPassphrase`);
  const told = bench.signals.filter((line) => / (?:State|Error) /.test(line)).map((line) => line.split(' ').slice(2));
  assert.equal(told.slice(0, 2), [['Error', '""'], ['State', '"association"']]);
  assert.is(bench.state(HOME)[0], 'ready');
}));

test('Retry asks for another key while the caller goes on waiting', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: storedNetwork(HOME) });
  bench.agent.first.push({ Passphrase: 'not the one' });
  bench.agent.answer = { Passphrase: SECRET };
  bench.agent.verdict = new DBusError('net.connman.Agent.Error.Retry', '');
  await bench.service(HOME).Connect();
  assert.is(bench.state(HOME)[0], 'ready');
}));

test('a question nobody answers leaves the service idle', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: storedNetwork(HOME) });
  bench.agent.answer = new DBusError('net.connman.Agent.Error.Canceled', '');
  assert.is(await codeOf(bench.service(HOME).Connect()), 'net.connman.Error.OperationAborted');
  await bench.settled();
  assert.equal(bench.state(HOME), ['idle', undefined]);
  assert.equal(bench.supplicant.blocks.length, 0);
}));

test('while a user is asked no attempt is shown, nor where nothing can be tried', withScope(async (context) => {
  const air = { ap: HOME_AP, eap: { ssid: 'eap', keyManagements: ['wpa-eap'] } };
  const bench = await wifiBench(context, air, { files: storedNetwork(HOME) });
  const outcomes: string[] = [];
  for (const answer of [new DBusError('net.connman.Agent.Error.Canceled', ''), new DBusError('org.example.No', '')]) {
    bench.agent.answer = answer;
    outcomes.push(await codeOf(bench.service(HOME).Connect()));
  }
  outcomes.push(await codeOf(bench.service(groupOf('eap', 'ieee8021x')).Connect()));
  await bench.client.proxy(managerInterface, 'net.connman', '/').UnregisterAgent({ path: '/agent' });
  outcomes.push(await codeOf(bench.service(HOME).Connect()));
  await bench.settled();
  const codes = ['OperationAborted', 'OperationTimeout', 'InvalidArguments', 'NotRegistered'];
  assert.equal(outcomes, codes.map((code) => `net.connman.Error.${code}`));
  assert.equal(bench.signals.filter((line) => / (?:State|Error) /.test(line) && line.startsWith('Service')), []);
  assert.equal(bench.agent.heard.filter((line) => line.startsWith('ReportError')), []);
}));

test('a stored key that is refused is kept, and tried again every five minutes', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: { ...HOME_AP, secret: 'changed for a while' } }, { files: KNOWN_HOME });
  await bench.settled();
  assert.equal(bench.state(HOME), ['failure', 'invalid-key']);
  assert.is(bench.supplicant.blocks.length, 1, 'two handshakes of one block');
  bench.supplicant.air.set('ap', HOME_AP);
  await context.clock.advance(299_000);
  await bench.settled();
  assert.is(bench.state(HOME)[0], 'failure');
  await context.clock.advance(1_000);
  await bench.settled();
  assert.equal(bench.state(HOME), ['ready', undefined]);
}));

test('a favourite whose access point does not answer is tried ever rarer, for ever', withScope(async (context) => {
  const air = { ap: { ...HOME_AP, refusal: 'silent' as const } };
  const bench = await wifiBench(context, air, { files: KNOWN_HOME });
  await bench.settled();
  assert.equal(bench.state(HOME), ['failure', 'connect-failed']);
  const tries: number[] = [];
  for (let second = 0, seen = 1; second < 1300; second += 5) {
    await context.clock.advance(5_000);
    await bench.settled();
    if (bench.supplicant.blocks.length > seen) tries.push(second + 5);
    seen = bench.supplicant.blocks.length;
  }
  assert.equal(tries, [5, 15, 35, 75, 155, 315, 615, 915, 1215]);
}));

test('AutoResetFailureTimeout, IgnoreInvalidKey and FavoriteMaxRetries', withScope(async (context) => {
  const air = { ap: { ...HOME_AP, secret: 'another one' } };
  const mainConf = 'AutoResetFailureTimeout=7\nIgnoreInvalidKey=true\nFavoriteMaxRetries=4\n';
  const bench = await wifiBench(context, air, { files: KNOWN_HOME, mainConf });
  await bench.settled();
  assert.equal(bench.state(HOME), ['failure', 'connect-failed']);
  bench.supplicant.air.set('ap', HOME_AP);
  await context.clock.advance(7_000);
  await bench.settled();
  assert.equal(bench.state(HOME), ['ready', undefined]);
}));

test('FavoriteMaxRetries: refused so often, a stored key counts as wrong', withScope(async (context) => {
  for (const maxRetries of [1, 2, 4]) {
    let tries = 0;
    const point = { ...HOME_AP, get secret() {
      tries++;
      return 'another one';
    } };
    const mainConf = `FavoriteMaxRetries=${maxRetries}\n`;
    const bench = await wifiBench(context, { ap: point }, { files: KNOWN_HOME, mainConf });
    await bench.settled();
    assert.equal(bench.state(HOME), ['failure', 'invalid-key']);
    // This supplicant begins again by itself, once more before it is told to leave.
    const expected = maxRetries === 1 ? [2] : [maxRetries + 1, maxRetries + 2];
    assert.ok(expected.includes(tries), `${tries} tries`);
  }
}));

test('an access point that vanishes and returns', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: KNOWN_HOME });
  await bench.settled();
  bench.supplicant.vanish('ap');
  await bench.settled();
  assert.is(bench.state(HOME)[0], undefined);
  bench.supplicant.air.set('ap', HOME_AP);
  await context.clock.advance(3_000);
  await bench.settled();
  assert.equal(bench.state(HOME), ['ready', undefined]);
}));

test('sent away by the access point: connected again', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: KNOWN_HOME });
  await bench.settled();
  bench.signals.length = 0;
  bench.supplicant.kick();
  await bench.settled();
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.equal(statesOf(bench, HOME), ['disconnect', 'idle', 'association', 'configuration', 'ready']);
}));

test('a gateway that does not answer any more: joined anew, and not over and over', withScope(async (context) => {
  const files = storedNetwork(HOME, [...FAVORITE, 'SSID=686f6d65', 'Frequency=2437', 'IPv4.gateway=192.0.2.1']);
  const bench = await wifiBench(context, { ap: HOME_AP }, { files });
  await bench.settled();
  const gateway = parseIpAddress('192.0.2.1');
  const { ifindex } = bench.kernel.mirror.linkByName('wlan0') ?? {};
  assert.ok(gateway !== undefined && ifindex !== undefined && bench.state(HOME)[0] === 'ready');
  const revivals = (): number => bench.supplicant.calls.filter((call) => call === 'Reassociate').length;
  bench.kernel.tellNeighbour(ifindex, gateway, 'reachable');
  await bench.settled();
  assert.is(revivals(), 0);
  for (let second = 0; second < 100; second += 5) {
    bench.kernel.tellNeighbour(ifindex, gateway, 'failed');
    await bench.settled();
    await context.clock.advance(5_000);
  }
  assert.is(revivals(), 3, 'after 0, 30 and 90 seconds');
  assert.is(bench.state(HOME)[0], 'ready');
}));

test('roaming keeps the connection; strength is that of the access point in use', withScope(async (context) => {
  const air = { near: { ...HOME_AP, signalDbm: -40 }, far: { ...HOME_AP, signalDbm: -70 } };
  const bench = await wifiBench(context, air, { files: KNOWN_HOME });
  await bench.settled();
  bench.signals.length = 0;
  bench.supplicant.roam('far');
  await bench.settled();
  assert.equal(statesOf(bench, HOME), []);
  assert.is(bench.core.services.get(wifiIdentifier(HOME))?.strength, 50);
}));

test('a network nobody hears is given up after three scans', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: KNOWN_HOME });
  await bench.settled();
  await bench.service(HOME).Disconnect();
  bench.supplicant.air.delete('ap');
  const connecting = codeOf(bench.service(HOME).Connect());
  await bench.settled();
  assert.is(bench.state(HOME)[0], 'association');
  for (let scan = 0; scan < 3; scan++) bench.supplicant.finishScan();
  assert.is(await connecting, 'net.connman.Error.Failed');
}));

test('a hidden network: the user says its name, the caller waits for the real one', withScope(async (context) => {
  const air = { ap: { ...HOME_AP, isHidden: true } };
  const bench = await wifiBench(context, air, { files: storedNetwork(HOME) });
  const hidden = 'hidden_managed_psk';
  assert.equal(bench.state(hidden), ['idle', undefined]);
  bench.agent.answer = { Name: 'home', Passphrase: SECRET };
  await bench.service(hidden).Connect();
  await bench.settled();
  assert.equal([bench.state(hidden), bench.state(HOME)], [['idle', undefined], ['ready', undefined]]);
  assert.equal(bench.agent.heard, [`RequestInput ${wifiIdentifier(hidden)} Name,SSID,Passphrase`]);
  assert.ok(bench.supplicant.calls.includes('Scan active home'));
  bench.core.sleep.begin();
  assert.ok(bench.files.get(`${wifiIdentifier(HOME)}/settings`)?.includes('Hidden=true'));
}));

test('a hidden network of another name', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: { ...HOME_AP, isHidden: true } });
  bench.agent.answer = { Name: 'nobody', Passphrase: SECRET };
  assert.is(await codeOf(bench.service('hidden_managed_psk').Connect()), 'net.connman.Error.Failed');
  bench.agent.answer = { SSID: new Uint8Array(33), Passphrase: SECRET };
  assert.is(await codeOf(bench.service('hidden_managed_psk').Connect()), 'net.connman.Error.InvalidArguments');
}));

test('hidden favourites and provisioned ones are called by name', withScope(async (context) => {
  const files = {
    ...storedNetwork(HOME, [...FAVORITE, 'SSID=686f6d65', 'Hidden=true']),
    'office.config': '[service_work]\nType=wifi\nName=work\nHidden=true\nPassphrase=rigsecret\n',
  };
  const air = { home: { ...HOME_AP, isHidden: true, signalDbm: -40 }, work: { ...WORK_AP, isHidden: true } };
  const bench = await wifiBench(context, air, { files });
  await bench.settled();
  const scans = bench.supplicant.calls.filter((call) => call.startsWith('Scan'));
  assert.equal(scans.slice(0, 2), ['Scan passive', 'Scan active home work']);
  assert.is(bench.state(HOME)[0], 'ready');
  assert.is(bench.core.services.get(wifiIdentifier(WORK))?.isImmutable, true);
}));

test('a hidden network is called soon after a file has named it', withScope(async (context) => {
  const bench = await wifiBench(context, { work: { ...WORK_AP, isHidden: true } });
  // By now the next look would be minutes away.
  await context.clock.advance(600_000);
  const before = bench.supplicant.calls.length;
  bench.put('office.config', '[service_work]\nType=wifi\nName=work\nHidden=true\nPassphrase=rigsecret\n');
  await bench.settled();
  await context.clock.advance(3_000);
  await bench.settled();
  const scans = bench.supplicant.calls.slice(before).filter((call) => call.startsWith('Scan'));
  assert.equal(scans.slice(0, 2), ['Scan passive', 'Scan active work']);
  assert.is(bench.core.services.get(wifiIdentifier(WORK))?.isImmutable, true);
}));

test('802.1X as a file says, and the password from the user', withScope(async (context) => {
  const group = groupOf('campus', 'ieee8021x');
  const lines = [
    '[service_campus]', 'Type=wifi', 'Name=campus', 'EAP=peap', 'Phase2=MSCHAPV2', 'CACertFile=/etc/ca.pem',
    'AnonymousIdentity=anyone@campus.test', 'DomainSuffixMatch=campus.test', 'IPv4=192.0.2.10/24', 'IPv6=off',
  ];
  const air = { ap: { ssid: 'campus', keyManagements: ['wpa-eap'], secret: 'password of mine' } };
  const bench = await wifiBench(context, air, { files: { 'campus.config': lines.join('\n') } });
  await bench.settled();
  bench.core.services.get(wifiIdentifier(group))?.clearError();
  bench.agent.answer = { Identity: 'me', Passphrase: 'password of mine' };
  await bench.service(group).Connect();
  await bench.settled();
  assert.equal(bench.agent.heard, [`RequestInput ${wifiIdentifier(group)} Identity,Passphrase`]);
  const block = bench.supplicant.blocks.at(-1);
  const said = [...(block ?? [])].map(([key, { value }]) => [key, value]);
  assert.equal(Object.fromEntries(said.filter(([, value]) => typeof value === 'string')), {
    bgscan: 'simple:30:-65:300', password: 'password of mine', ca_cert: '/etc/ca.pem', phase2: 'auth=MSCHAPV2',
    eap: 'PEAP', identity: 'me', anonymous_identity: 'anyone@campus.test', domain_suffix_match: 'campus.test',
    key_mgmt: 'WPA-EAP',
  });
  assert.is(bench.state(group)[0], 'ready');
}));

test('802.1X: a server that is not trusted is no wrong password', withScope(async (context) => {
  const group = groupOf('campus', 'ieee8021x');
  const files = {
    ...storedNetwork(group),
    'campus.config': '[service_campus]\nType=wifi\nName=campus\nEAP=peap\nPhase2=MSCHAPV2\nIdentity=me\n' +
      'AutoConnect=false\nIPv4=192.0.2.10/24\nIPv6=off\n',
  };
  const air = { ap: { ssid: 'campus', keyManagements: ['wpa-eap'], refusal: 'deaf' as const } };
  const bench = await wifiBench(context, air, { files });
  bench.agent.answer = { Passphrase: 'a password' };
  const attempt = async (status: string, parameter: string): Promise<string | undefined> => {
    bench.agent.heard.length = 0;
    const connecting = codeOf(bench.service(group).Connect());
    await bench.settled();
    bench.supplicant.tellEap('remote certificate verification', 'success');
    // What a file decides counts as proven: a second failure proves it wrong.
    for (let times = 0; times < 2; times++) bench.supplicant.tellEap(status, parameter);
    assert.is(await connecting, 'net.connman.Error.Failed');
    await bench.settled();
    return bench.agent.heard.find((line) => line.startsWith('ReportError'))?.split(' ').at(-1);
  };
  assert.is(await attempt('remote certificate verification', 'certificate has expired'), 'connect-failed');
  const failure = bench.core.services.get(wifiIdentifier(group))?.progress.attempt?.failure;
  assert.is(failure, "the server's certificate is not good: certificate has expired");
  assert.is(await attempt('completion', 'failure'), 'invalid-key');
}));

test('802.1X without a file', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: { ssid: 'campus', keyManagements: ['wpa-eap'] } });
  const failure = await codeOf(bench.service(groupOf('campus', 'ieee8021x')).Connect());
  assert.is(failure, 'net.connman.Error.InvalidArguments');
}));

const WPS_ELEMENT = (selected: boolean): Uint8Array => Buffer.from(
  `dd190050f204104a0001101044000102${selected ? '1041000101' : '1041000100'}101200020004`, 'hex',
);

test('WPS by push button and by PIN: what it gives is kept', withScope(async (context) => {
  const air = { ap: { ...HOME_AP, wpsKey: SECRET, elements: WPS_ELEMENT(false) } };
  const bench = await wifiBench(context, air, { files: storedNetwork(HOME) });
  assert.equal(bench.core.services.get(wifiIdentifier(HOME))?.network.security, ['psk', 'wps']);
  bench.agent.answer = { WPS: '12345670' };
  await bench.service(HOME).Connect();
  await bench.settled();
  assert.ok(bench.supplicant.calls.includes('WPS pin 12345670'));
  bench.core.sleep.begin();
  assert.ok(bench.files.get(`${wifiIdentifier(HOME)}/settings`)?.includes(`Passphrase=${SECRET}`));
  await bench.service(HOME).Disconnect();
  await bench.service(HOME).Remove();
  bench.agent.answer = { WPS: '' };
  await bench.service(HOME).Connect();
  assert.ok(bench.supplicant.calls.includes('WPS pbc'));
}));

test('an access point whose button was pushed asks for nothing', withScope(async (context) => {
  const air = { ap: { ...HOME_AP, wpsKey: SECRET, elements: WPS_ELEMENT(true) } };
  const bench = await wifiBench(context, air, { files: storedNetwork(HOME) });
  assert.equal(bench.core.services.get(wifiIdentifier(HOME))?.network.security, ['psk', 'wps', 'wps_advertising']);
  await bench.service(HOME).Connect();
  assert.equal(bench.agent.heard, []);
}));

test('the supplicant dies and comes back: connected again', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: KNOWN_HOME });
  await bench.settled();
  const explain = async (): Promise<string> => {
    const findings = await bench.client.proxy(causewayManagerInterface, 'net.connman', '/').Explain();
    return findings.map((finding) => finding.get('Text')?.value).join();
  };
  assert.not.match(await explain(), 'wpa_supplicant');
  await bench.supplicant.stop();
  await bench.settled();
  assert.is(bench.state(HOME)[0], undefined);
  assert.match(await explain(), 'wpa_supplicant does not run');
  const next = await bench.restartSupplicant();
  await bench.settled();
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.is(next.blocks.length, 1);
}));

test('a radio that the supplicant refuses at first is tried again', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: KNOWN_HOME });
  bench.kernel.removeLink('wlan0');
  await bench.settled();
  bench.supplicant.refusedInterfaces = 2;
  bench.kernel.addLink({ name: 'wlan0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 10), isUp: true });
  await bench.settled();
  assert.is(bench.state(HOME)[0], undefined);
  for (const delayMs of [1_000, 2_000]) {
    await context.clock.advance(delayMs);
    await bench.settled();
  }
  assert.equal(bench.state(HOME), ['ready', undefined]);
}));

test('an interface that others take away from the supplicant is given back to it', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: KNOWN_HOME });
  await bench.settled();
  assert.is(bench.state(HOME)[0], 'ready');
  const others = bench.client.proxy(supplicantInterface, 'fi.w1.wpa_supplicant1', '/fi/w1/wpa_supplicant1');
  await others.RemoveInterface({ path: await others.GetInterface({ ifname: 'wlan0' }) });
  await bench.settled();
  assert.is(bench.state(HOME)[0], undefined);
  bench.supplicant.refusedInterfaces = 1;
  for (const delayMs of [2_000, 4_000]) {
    await context.clock.advance(delayMs);
    await bench.settled();
  }
  assert.equal(bench.state(HOME), ['ready', undefined]);
}));

test('awake again: known networks are looked for at once', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: KNOWN_HOME });
  await bench.settled();
  await bench.service(HOME).Disconnect();
  await bench.settled();
  bench.supplicant.calls.length = 0;
  bench.core.sleep.end();
  await bench.settled();
  assert.equal(bench.supplicant.calls, ['Scan active home 2437']);
}));

test('a scan for a user ends when the results are in; one at a time', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP });
  bench.supplicant.isScanningFast = false;
  const technology = bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  const results = Promise.all([technology.Scan(), technology.Scan()]);
  await bench.settled();
  bench.supplicant.air.set('new', WORK_AP);
  bench.supplicant.finishScan();
  await results;
  assert.equal(bench.state(WORK), ['idle', undefined]);
  assert.is(bench.supplicant.calls.filter((call) => call === 'Scan active').length, 1);
}));

test('a scan while the supplicant looks by itself ends with that', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP });
  bench.supplicant.isScanningFast = false;
  bench.supplicant.beginScan();
  await bench.settled();
  const technology = bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  const results = technology.Scan();
  await bench.settled();
  bench.supplicant.air.set('new', WORK_AP);
  bench.supplicant.finishScan();
  await results;
  assert.equal(bench.state(WORK), ['idle', undefined]);
}));

test('a scan that the driver aborts says so', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP });
  bench.supplicant.isScanningFast = false;
  const technology = bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  const result = codeOf(technology.Scan());
  await bench.settled();
  bench.supplicant.finishScan(false);
  assert.is(await result, 'net.connman.Error.Failed');
}));

test.run();
