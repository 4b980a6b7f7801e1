/**
 * TUN devices, host names, file systems and clock setting, in namespaces of our own. The user namespace has no
 * say over the machine's clock, so that setting it must fail, which is all that can be tried here.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';

enterNamespaces('--net', '--uts');

const system = testSystem();

function isCode(code: string): (error: { code?: string }) => boolean {
  return (error) => error.code === code;
}

test('a TUN device gets the name asked for or one from a pattern', () => {
  const named = system.tun('vpn7');
  const numbered = system.tun('vpn%d');
  assert.equal([named.name, numbered.name], ['vpn7', 'vpn0']);
  assert.match(execFileSync('ip', ['link'], { encoding: 'utf8' }), /vpn7: <POINTOPOINT/);
  assert.throws(() => system.tun('vpn7'), isCode('EBUSY'));
  system.closeFd(named.fd);
  system.closeFd(numbered.fd);
  assert.not.match(execFileSync('ip', ['link'], { encoding: 'utf8' }), /vpn/);
});

test('host and domain name are set', () => {
  system.setHostname('causeway-test');
  system.setDomainname('example.test');
  assert.is(hostname(), 'causeway-test');
  assert.is(readFileSync('/proc/sys/kernel/domainname', 'utf8'), 'example.test\n');
  assert.throws(() => system.setHostname('x'.repeat(65)), isCode('EINVAL'));
});

test('a file system has an identifier, the same for all its files', () => {
  const said = execFileSync('stat', ['-f', '-c', '%i', '/proc/self/stat'], { encoding: 'utf8' }).trim();
  assert.is(system.fileSystemId('/proc/version'), said);
  assert.throws(() => system.fileSystemId('/nowhere/at/all'), isCode('ENOENT'));
});

test('bytes are filled with what nobody can foresee, and all of them', () => {
  const [one, other] = [new Uint8Array(1 << 16), new Uint8Array(1 << 16)];
  system.fillRandom(one);
  system.fillRandom(other);
  // 256 zeros expected among so many bytes, standard deviation 16.
  for (const bytes of [one, other]) assert.ok(bytes.filter((byte) => byte === 0).length < 512);
  assert.ok(one.some((byte, index) => byte !== other[index]));
});

test('a program goes on as before when less of it is compiled', () => {
  system.compileSparingly();
  const words = Array.from({ length: 20_000 }, (_, index) => `word ${index}`);
  assert.is(words.filter((word) => /^word \d*7$/.test(word)).length, 2000);
});

test('a program goes on as before when it is mapped anew', () => {
  const mappedKb = (): number => Number(/^RssFile:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  const before = mappedKb();
  system.unmapProgram();
  const after = mappedKb();
  assert.ok(after < 0.75 * before, `${before} KB of files mapped before, ${after} after`);
  assert.is(['b', 'a'].sort((one, other) => one.localeCompare(other, 'de')).join(''), 'ab');
});

test('setting the clock without the right to says so', () => {
  const maps = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/);
  assert.is(maps[2], '1', 'in a user namespace of our own');
  assert.throws(() => system.setWallClock(0), isCode('EPERM'));
  assert.throws(() => system.adjustClock(10, 'slew', 'insert'), isCode('EPERM'));
  assert.throws(() => system.adjustClock(-1.5, 'step', 'none'), isCode('EPERM'));
});

test('a session is started once', () => {
  const sessionOf = (): string | undefined => readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[3];
  const isLeader = sessionOf() === String(process.pid);
  if (isLeader) assert.throws(() => system.startSession(), isCode('EPERM'));
  else {
    system.startSession();
    assert.is(sessionOf(), String(process.pid));
  }
});

test.run();
