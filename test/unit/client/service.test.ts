/**
 * `connmanctl --offline service`: files written, changed, shown and checked in a directory, and
 * everything refused that the daemon would complain about.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { candidates } from '../../../src/client/completion.ts';
import { Context } from '../../../src/client/context.ts';
import { raw } from '../../../src/client/text.ts';
import { runCommand } from '../../../src/client/run-command.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

const test = suite<{ folder: string }>('service', { folder: '' });

test.before.each((with_) => {
  with_.folder = mkdtempSync(join(tmpdir(), 'service-'));
});

test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly complaints: readonly string[];
}

function offlineContext(): { context: Context; out: string[]; complaints: string[] } {
  const out: string[] = [];
  const complaints: string[] = [];
  const output = {
    isTerminal: false, hasColours: false, columns: 80, show: raw,
    print: (text: string) => void out.push(text),
    complain: (line: string) => void complaints.push(line),
  };
  const env = { output, clock: new FakeClock(), scope: createScope(), findAsk: () => undefined };
  return { context: new Context(env), out, complaints };
}

async function run(...words: string[]): Promise<Outcome> {
  const { context, out, complaints } = offlineContext();
  const status = await runCommand(context, ['--offline', 'service', ...words]);
  return { status, out: out.join(''), complaints };
}

const OK = { status: 0, out: '', complaints: [] };

test('add writes a file for its owner alone, set changes it, set --remove takes it away', async ({ folder }) => {
  const words = ['--ipv4', 'manual', '192.0.2.2', '255.255.255.0', '192.0.2.1', '--nameservers', '192.0.2.1'];
  assert.equal(await run('add', 'lan', '--dir', folder, '--type', 'ethernet', '--device', 'eth0', ...words), OK);
  const path = join(folder, 'lan.config');
  const head = '[service_lan]\nType=ethernet\nDeviceName=eth0\n';
  const rest = 'Nameservers=192.0.2.1\n';
  assert.is(readFileSync(path, 'utf8'), `${head}IPv4=192.0.2.2/255.255.255.0/192.0.2.1\n${rest}`);
  assert.is(statSync(path).mode & 0o777, 0o600);

  assert.equal(await run('set', '--dir', folder, '--ipv4', 'manual', '192.0.2.3/24', '--nameservers'), OK);
  assert.is(readFileSync(path, 'utf8'), `${head}IPv4=192.0.2.3/255.255.255.0\n`);
  assert.equal(await run('set', 'lan', '--dir', folder, '--device', ''), OK);
  assert.is(readFileSync(path, 'utf8'), '[service_lan]\nType=ethernet\nIPv4=192.0.2.3/255.255.255.0\n');
  assert.equal(await run('set', '--remove', '--dir', folder), OK);
  assert.equal(readdirSync(folder), []);
});

test('a service is added once, into a file that keeps what it has', async ({ folder }) => {
  writeFileSync(join(folder, 'lan.config'), '# ours\n[service_other]\nType=gadget\n');
  assert.equal(await run('add', 'lan', '--dir', folder, '--type=ethernet'), OK);
  const text = readFileSync(join(folder, 'lan.config'), 'utf8');
  assert.is(text, '# ours\n\n[service_other]\nType=gadget\n\n[service_lan]\nType=ethernet\n');
  assert.is((await run('add', 'other', '--dir', folder, '--type', 'ethernet')).status, 114);
  assert.is((await run('set', '--dir', folder, '--mdns', 'yes')).status, 22, 'which of the two?');
  assert.is((await run('set', 'third', '--dir', folder, '--mdns', 'yes')).status, 22);
  assert.is(readFileSync(join(folder, 'lan.config'), 'utf8'), text);
  assert.equal(await run('set', 'other', '--dir', folder, '--remove'), OK);
  assert.is(readFileSync(join(folder, 'lan.config'), 'utf8'), '# ours\n\n[service_lan]\nType=ethernet\n');
});

/** Words of `config` → what stands in the file behind the type. */
const WORDS: readonly (readonly [words: string, text: string])[] = [
  ['--ipv4 dhcp', 'IPv4=dhcp'],
  ['--ipv4 off', 'IPv4=off'],
  ['ipv4 off', 'IPv4=off'],
  ['--ipv4 manual 192.0.2.7/24 192.0.2.1', 'IPv4=192.0.2.7/255.255.255.0/192.0.2.1'],
  ['--ipv4 dhcp --link-local enabled', 'IPv4=dhcp\nIPv4.LinkLocal=enabled'],
  ['--mptcp signal,backup --metered=yes --hostname a.test', 'Metered=yes\nSendHostname=a.test\nMPTCP=signal,backup'],
  ['--never-default yes --online-check no', 'NeverDefault=yes\nCheckOnline=no'],
  ['--take-hostname no', 'TakeHostname=no'],
  ['--ipv6 auto', 'IPv6=auto'],
  ['--ipv6 auto preferred', 'IPv6=auto\nIPv6.Privacy=prefered'],
  ['--ipv6 manual 2001:db8::7 64 2001:db8::1', 'IPv6=2001:db8::7/64/2001:db8::1'],
  ['--nameservers 192.0.2.1 2001:db8::53', 'Nameservers=192.0.2.1,2001:db8::53'],
  ['--timeservers a.test b.test --domains c.test', 'SearchDomains=c.test\nTimeservers=a.test,b.test'],
  ['--mdns on --autoconnect off', 'mDNS=true\nAutoConnect=false'],
  ['--proxy direct', 'Proxy.Method=direct'],
  ['--proxy auto http://p.test/x.pac', 'Proxy.Method=auto\nProxy.URL=http://p.test/x.pac'],
  [
    '--proxy manual http://p.test:3128 --exclude a.test',
    'Proxy.Method=manual\nProxy.Servers=http://p.test:3128\nProxy.Excludes=a.test',
  ],
  ['--mac 00:00:5E:00:53:01 --domain c.test', 'MAC=00:00:5E:00:53:01\nDomain=c.test'],
];

for (const [words, text] of WORDS) {
  test(`add ${words}`, async () => {
    const { status, out, complaints } = await run('add', '--type', 'ethernet', ...words.split(' '));
    assert.equal([status, complaints], [0, []]);
    assert.is(out, `[service_ethernet]\nType=ethernet\n${text}\n`);
  });
}

test('a Wi-Fi network is written, its passphrase not shown', async ({ folder }) => {
  const words = ['--type', 'wifi', '--name', 'Our Net', '--passphrase', 'a\\b = \xfc%[]c', '--hidden', 'yes'];
  assert.is((await run('add', 'home', '--dir', folder, ...words)).status, 22, 'not ASCII');
  words[5] = ' a\\b = %[]c ';
  assert.equal(await run('add', 'home', '--dir', folder, ...words), OK);
  const text = readFileSync(join(folder, 'home.config'), 'utf8');
  assert.is(text, '[service_home]\nType=wifi\nName=Our Net\nPassphrase=\\sa\\\\b = %[]c \nHidden=true\n');
  const { out } = await run('show', '--dir', folder);
  assert.is(out, 'home (home.config)\n  Type = wifi\n  Name = Our Net\n  Passphrase = ***\n  Hidden = true\n');
  const keys = { Type: 'wifi', Name: 'Our Net', Passphrase: '***', Hidden: 'true' };
  const json: unknown = JSON.parse((await run('show', 'home', '--dir', folder, '--json')).out);
  assert.equal(json, [{ file: 'home.config', service: 'home', keys }]);
  assert.equal(await run('show', 'nobody', '--dir', folder), OK);
});

/** Words that nothing is written for → the first complaint. */
const REFUSED: readonly (readonly [words: string, complaint: string])[] = [
  ['add', 'Error \'service\': Invalid argument'],
  ['add --type vpn', 'vpn.config:1: [service_vpn] is left out'],
  [
    'add --type ethernet --ipv4 manual 192.0.2.300 255.255.255.0',
    'ethernet.config:3: IPv4=192.0.2.300/255.255.255.0: off, dhcp, or ADDRESS/NETMASK[/GATEWAY] such as ' +
      '192.0.2.2/24/192.0.2.1 wanted',
  ],
  ['add --type ethernet --nameservers 192.0.2.1 x', 'ethernet.config:3: Nameservers=x: a list of IP addresses wanted'],
  ['add --type ethernet --mdns perhaps', 'Error \'--mdns\': Invalid argument'],
  ['add --type ethernet --colour red', 'Error \'--colour\': Invalid argument'],
  ['add --type ethernet --link-local sometimes', 'ethernet.config:3: IPv4.LinkLocal=sometimes: one of disabled, ' +
    'enabled, fallback wanted'],
  ['add --type ethernet --mptcp signal,fullmesh', 'ethernet.config:3: MPTCP=signal,fullmesh: auto, disabled, or any ' +
    'of signal, subflow, backup, fullmesh, but not signal with fullmesh wanted'],
  ['add --type ethernet --hostname -x', 'ethernet.config:3: SendHostname=-x: auto, none or a host name wanted'],
  ['add --type ethernet --metered maybe', 'ethernet.config:3: Metered=maybe: one of yes, no, auto wanted'],
  ['add --type', 'Error \'--type\': Invalid argument'],
  ['add --type wifi --name x --passphrase short', 'wifi.config:4: Passphrase of [service_wifi]: 8 to 63 characters ' +
    'or 64 hexadecimal digits wanted'],
  ['add b@d --type ethernet', 'Error \'service\': Invalid argument'],
  ['add --type ethernet --remove', 'Error \'service\': Invalid argument'],
  ['burn', 'Error \'service\': Invalid argument'],
];

for (const [words, complaint] of REFUSED) {
  test(`refused: ${words}`, async ({ folder }) => {
    const { status, out, complaints } = await run(...words.split(' '), '--dir', folder);
    assert.equal([status, out, complaints[0]], [22, '', complaint]);
    assert.equal(readdirSync(folder), []);
  });
}

test('check names each mistake of each file; a warning alone ends well', async ({ folder }) => {
  writeFileSync(join(folder, 'a.config'), '[service_a]\nType=ethernet\nNameserver=192.0.2.1\n');
  writeFileSync(join(folder, 'not-ours'), 'nonsense');
  const warning = 'a.config:3: unknown key Nameserver in [service_a]: Nameservers may be meant';
  assert.equal(await run('check', '--dir', folder), { ...OK, complaints: [warning] });
  writeFileSync(join(folder, 'b.config'), '[service_b]\nType=ethernet\nIPv4=1\nMAC=2\n');
  const { status, complaints } = await run('check', '--dir', folder);
  assert.is(status, 22);
  assert.equal(complaints.map((line) => line.slice(0, 16)), [
    warning.slice(0, 16), 'b.config:1: [ser', 'b.config:3: IPv4', 'b.config:4: MAC=',
  ]);
  assert.equal(await run('check', 'a', '--dir', folder), { ...OK, complaints: [warning] });
  const json: unknown = JSON.parse((await run('check', 'a', '--dir', folder, '--json')).out);
  assert.equal(json, [{ file: 'a.config', line: 3, kind: 'warning', text: warning.slice('a.config:3: '.length) }]);
});

test('set loses nothing that it cannot read', async ({ folder }) => {
  const text = '[service_a]\nType=ethernet\nIPv4 192.0.2.2\n';
  writeFileSync(join(folder, 'a.config'), text);
  const { status, complaints } = await run('set', '--dir', folder, '--mdns', 'yes');
  assert.is(status, 22);
  assert.is(complaints[0], 'a.config:3: IPv4 192.0.2.2: neither a group, nor key=value, nor a comment');
  assert.is(readFileSync(join(folder, 'a.config'), 'utf8'), text);
});

test('a directory that is not there ends with its errno', async ({ folder }) => {
  const { status, complaints } = await run('check', '--dir', `${folder}/none`);
  assert.is(status, 2);
  assert.match(complaints[0] ?? '', /ENOENT/);
});

test('other commands need the daemon, and this one needs to be told that it does not', async () => {
  const { context, complaints } = offlineContext();
  assert.is(await runCommand(context, ['--offline', 'state']), 22);
  assert.is(await runCommand(context, ['service', 'show']), 22);
  assert.match(complaints.join('\n'), /needs the daemon.*\n.*\n.*connmanctl --offline service/);
});

test('completion knows the words', async () => {
  const { context } = offlineContext();
  const words = async (...typed: string[]): Promise<string[]> =>
    (await candidates(context, ['--offline', ...typed])).map(({ word }) => word);
  assert.equal(await words(''), ['service']);
  assert.equal(await words('service', 's'), ['set', 'show']);
  assert.equal(await words('service', 'add', '--ty'), ['--type']);
  assert.equal(await words('service', 'add', '--type', ''), ['ethernet', 'wifi', 'gadget']);
  assert.equal(await words('service', 'add', '--type', 'wifi', '--ipv4', 'm'), ['manual']);
});

test.run();
