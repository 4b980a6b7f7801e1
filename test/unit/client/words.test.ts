/** Words: booleans, lines of the console, our options among them, what wait-online waits for. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Given } from '../../../src/client/command.ts';
import { COMMANDS, findCommand } from '../../../src/client/commands.ts';
import { parseClock } from '../../../src/client/commands/clock.ts';
import { CommandError } from '../../../src/client/errors.ts';
import { splitWords } from '../../../src/client/interactive/split-words.ts';
import { takeExtras } from '../../../src/client/run-command.ts';
import { isSatisfied, parseWaitOnline } from '../../../src/client/wait-online-options.ts';
import { parseBoolean } from '../../../src/client/words.ts';
import { variant, type Variant } from '../../../src/dbus/signature.ts';

test('yes and no in every spelling', () => {
  for (const word of ['yes', 'TRUE', 'on', 'Enable', 'y', 't', '1']) assert.is(parseBoolean(word), true, word);
  for (const word of ['no', 'false', 'OFF', 'disable', 'n', 'f', '0']) assert.is(parseBoolean(word), false, word);
  for (const word of ['', 'maybe', '2', undefined]) assert.is(parseBoolean(word), undefined);
});

test('a line is split at blanks; quotes hold a name together', () => {
  assert.equal(splitWords('  connect  wifi_x '), ['connect', 'wifi_x']);
  const words = ['connect', 'My Network', 'a b', "it's", 'pa"ss', ''];
  assert.equal(splitWords(`connect "My Network" 'a b' it's pa"ss ""`), words);
  assert.equal(splitWords('   '), []);
});

test('our options are taken from anywhere, ConnMan\'s words stay', () => {
  const connect = findCommand('connect') ?? COMMANDS[0];
  if (connect === undefined) throw new Error('no commands');
  const { words, given } = takeExtras(connect, ['--wait=online', 'x', '--timeout', '3', '--foo', '--hidden']);
  assert.equal(words, ['x', '--foo']);
  const values = ['wait', 'timeout', 'hidden', 'identity'].map((name) => given.value(name));
  assert.equal(values, ['online', '3', '', undefined]);
  assert.ok(given instanceof Given);
  assert.throws(() => takeExtras(connect, ['x', '--timeout']), isInvalid);
  assert.throws(() => takeExtras(connect, ['x', '--hidden=yes']), isInvalid);
  const config = findCommand('config') ?? connect;
  assert.equal(takeExtras(config, ['x', '--domains', '--json']).words, ['x', '--domains', '--json']);
});

test('clock set reads seconds and dates', () => {
  const [time] = parseClock(['--time', '2026-01-31T12:00:00Z']);
  assert.is(time?.value.as('t'), 1_769_860_800n);
  assert.is(parseClock(['time', '12'])[0]?.value.as('t'), 12n);
  for (const words of [['--time', 'x'], ['--time', '-1'], ['--time'], ['--foo', 'x']]) {
    assert.throws(() => parseClock(words), isInvalid, words.join(' '));
  }
});

test('wait-online looks at links, families and the Internet', () => {
  const service = (link: string, state: string, ...families: string[]): [string, Map<string, Variant>] => {
    const address = variant('a{sv}', new Map([['Address', variant('s', 'x')]]));
    const ethernet = variant('a{sv}', new Map([['Interface', variant('s', link)]]));
    const rest = families.map((family): [string, Variant] => [family, address]);
    return ['/s', new Map([['State', variant('s', state)], ['Ethernet', ethernet], ...rest])];
  };
  const both = [service('eth0', 'ready', 'IPv4'), service('wlan0', 'online', 'IPv4', 'IPv6')];
  const cases: [string, boolean][] = [
    ['', true], ['-i eth0', true], ['-i eth0 --online', false], ['-i wlan0,eth9 --online', true], ['-I wlan0', true],
    ['-I wlan0 --online', false], ['-I wlan0,eth0', false], ['-i eth0 -I eth0', false], ['--ipv6', true],
    ['-i eth0 --ipv6', false], ['--ipv4 --ipv6', true], ['--all -i eth0,wlan0', true], ['--all -i eth0,eth1', false],
    ['--all -i eth0,wlan0 --online', false],
  ];
  for (const [line, wanted] of cases) {
    const request = parseWaitOnline(line === '' ? [] : line.split(' '));
    if (typeof request === 'string') throw new Error(request);
    assert.is(isSatisfied(request, both), wanted, line);
    assert.is(isSatisfied(request, [service('eth0', 'configuration', 'IPv4')]), false, line);
  }
  assert.is(parseWaitOnline(['-v']), 'version');
  assert.throws(() => parseWaitOnline(['--timeout=soon']), /Cannot parse integer value “soon” for --timeout/);
});

test.run();

function isInvalid(error: unknown): boolean {
  return error instanceof CommandError && error.status === 22;
}
