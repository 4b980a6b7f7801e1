/**
 * What Debian's connmand answered on Wi-Fi (test/oracle/wifi.txt), held against ours on a bench, part by part:
 * what networks look like, what is asked of users and what comes of their answers, what is refused, and all that
 * is told while networks are joined and left.
 */

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DBusError } from '../../../src/dbus/errors.ts';
import { variant } from '../../../src/dbus/signature.ts';
import { groupOf, wifiIdentifier } from '../../helpers/wifi-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';
import { type Explanation, WIFI_EXPLANATIONS } from '../../oracle/differences.ts';
import { parseTranscript } from '../../oracle/transcript.ts';
import { unexplainedOnWifi } from '../../oracle/wifi-compare.ts';
import { CANCELED, GROUPS, Stage } from './wifi-stage.ts';

const ORACLE = parseTranscript(readFileSync('test/oracle/wifi.txt', 'utf8'));
const KEY = { Passphrase: 'rigsecret' };
const NAMED = groupOf('rig-hidden', 'psk');
const { psk, open, hidden, wps } = GROUPS;

/** What takes a daemon that starts and ends. */
const BEYOND = ['start', 'found', 'psk: SIGTERM while online', 'psk: known at start', 'SIGTERM'];

const used = new Set<Explanation>();
const played = new Set<string>();

function part(name: string, play: (stage: Stage) => Promise<void>): void {
  test(`Wi-Fi as Debian's connmand: ${name}`, withScope(async (context) => {
    const stage = await Stage.open(context);
    await play(stage);
    for (const step of stage.steps) played.add(step.name);
    assert.equal(unexplainedOnWifi(ORACLE, stage.steps, used), []);
  }));
}

part('networks are found', async (stage) => {
  for (const [name, group] of Object.entries(GROUPS)) await stage.step(`${name}: asked`, () => stage.ask(group));
  await stage.step('asked', () => stage.dump());
  await stage.step('a scan', () => stage.note('wifi Scan', stage.technology.Scan()));
});

part('a key is asked for', async (stage) => {
  await stage.manager.UnregisterAgent({ path: '/recorded' });
  await stage.step('psk: Connect without an agent', () => stage.connect(psk));
  await stage.step('an agent', () => stage.note('/ RegisterAgent "/agent"',
    stage.manager.RegisterAgent({ path: '/recorded' })));
  await stage.tried('psk: Connect, the user does not want to', CANCELED);
  await stage.tried('psk: Connect, the agent fails', new DBusError('org.example.Error', ''));
  await stage.tried('psk: Connect with a key that is none', { Passphrase: 'short' });
  await stage.tried('psk: Connect with a wrong key', { Passphrase: 'not the one' });
  await stage.step('psk: asked after a wrong key', () => stage.ask(psk));
  await stage.tried('psk: Connect, not wanted after a wrong key', CANCELED);
  await stage.tried('psk: Connect after a wrong key', KEY);
  await stage.step('psk: Remove', () => stage.remove(psk));
});

part('joined, left, joined again', async (stage) => {
  await stage.tried('psk: Connect', KEY);
  await stage.step('psk: asked while online', () => stage.dump(psk));
  await stage.step('psk: Connect again', () => stage.connect(psk));
  await stage.step('psk: AutoConnect off', () => stage.setService(psk, 'AutoConnect', variant('b', false)));
  await stage.step('psk: Disconnect', () => stage.disconnect(psk));
  await stage.step('psk: Disconnect again', () => stage.disconnect(psk));
  await stage.step('psk: Connect as known', () => stage.connect(psk));
  await stage.step('psk open: Connect to another', () => stage.connect(open));
  await stage.step('open: asked while online', () => stage.dump(open));
  await stage.step('open: Remove while online', () => stage.remove(open));
  await stage.step('open: asked after Remove', () => stage.ask(open));
  await stage.step('psk: Remove while idle', () => stage.remove(psk));
  await stage.step('psk: asked after Remove', () => stage.ask(psk));
});

part('what is asked for of other kinds', async (stage) => {
  for (const name of ['wps', 'sae', 'both', 'eap', 'hidden'] as const) {
    await stage.tried(`${name}: Connect, not wanted`, CANCELED, GROUPS[name]);
  }
  await stage.tried('wps: Connect with a PIN that is none', { WPS: '123' }, wps);
});

part('refusals', async (stage) => {
  const long = 'x'.repeat(64);
  const service = stage.bench.service(psk);
  const other = `/net/connman/service/${wifiIdentifier(open)}`;
  await stage.step('psk: refused', async () => {
    await stage.disconnect(psk);
    await stage.remove(psk);
    await stage.setService(psk, 'AutoConnect', variant('b', true));
    await stage.setService(psk, 'Passphrase', variant('s', 'rigsecret'));
    await stage.setService(psk, 'Hidden', variant('b', true));
    await stage.setService(psk, 'Nameservers.Configuration', variant('as', ['192.0.2.53']));
    await stage.note('rig-psk/psk ClearProperty "Error"', service.ClearProperty({ name: 'Error' }));
    await stage.note('rig-psk/psk MoveBefore "rig-open/none"', service.MoveBefore({ service: other }));
  });
  await stage.step('technology: refused', async () => {
    await stage.setTechnology('Powered', variant('b', true));
    await stage.setTechnology('Tethering', variant('b', false));
    await stage.setTechnology('TetheringIdentifier', variant('s', ''));
    await stage.setTechnology('TetheringIdentifier', variant('s', long));
    await stage.setTechnology('TetheringPassphrase', variant('s', 'short'));
    await stage.setTechnology('TetheringPassphrase', variant('s', `${long}x`));
    await stage.setTechnology('TetheringFreq', variant('i', -1));
    await stage.setTechnology('TetheringFreq', variant('i', 2437));
    await stage.setTechnology('Connected', variant('b', true));
    await stage.note('wifi GetProperties', stage.technology.GetProperties());
  });
});

part('an access point of our own', async (stage) => {
  await stage.step('tethering', async () => {
    await stage.setTechnology('TetheringIdentifier', variant('s', 'ours'));
    await stage.setTechnology('TetheringPassphrase', variant('s', 'our own key'));
    await stage.setTechnology('Tethering', variant('b', true));
  });
  await stage.step('tethering: asked', () => stage.dump());
  await stage.step('tethering again', () => stage.setTechnology('Tethering', variant('b', true)));
  await stage.step('scan while tethering', () => stage.note('wifi Scan', stage.technology.Scan()));
  await stage.step('tethering off', () => stage.setTechnology('Tethering', variant('b', false)));
});

part('hidden', async (stage) => {
  await stage.tried('hidden: Connect by a name that is none', { ...KEY, Name: 'x'.repeat(33) }, hidden);
  await stage.tried('hidden: Connect by another name', { ...KEY, Name: 'rig-nowhere' }, hidden);
  await stage.tried('hidden: Connect', { ...KEY, Name: 'rig-hidden' }, hidden);
  await stage.step('hidden: asked while online', () => stage.dump(NAMED));
  await stage.step('hidden: what is stored', () => stage.noteStored(NAMED));
  await stage.step('hidden: Remove', () => stage.remove(NAMED));
});

part('known, power off', async (stage) => {
  await stage.tried('psk: Connect for good', KEY);
  await stage.step('psk: what is stored', () => stage.noteStored(psk));
  const off = (): Promise<void> => stage.setTechnology('Powered', variant('b', false));
  await stage.step('psk: power off', off);
  await stage.step('power off again', off);
  await stage.step('scan without power', () => stage.note('wifi Scan', stage.technology.Scan()));
});

part('WPS', async (stage) => {
  await stage.tried('wps: Connect by push button', { WPS: '' }, wps);
  await stage.step('wps: asked while online', () => stage.dump(wps));
  await stage.step('wps: Remove', () => stage.remove(wps));
  await stage.tried('wps: Connect by PIN', { WPS: '12345670' }, wps);
  await stage.step('wps: Remove again', () => stage.remove(wps));
});

part('the access point vanishes and returns', async (stage) => {
  const { supplicant } = stage.bench;
  const point = supplicant.air.get('psk');
  if (point === undefined) throw new Error('no access point');
  await stage.tried('psk: Connect anew', KEY);
  await stage.step('psk: it throws us out', () => supplicant.kick());
  await stage.step('psk: it vanishes', () => supplicant.vanish('psk'));
  await stage.step('psk: it returns', async () => {
    supplicant.air.set('psk', point);
    await stage.technology.Scan();
  });
  await stage.step('psk: Remove while online', () => stage.remove(psk));
});

test('every explanation is needed, and every step was recorded', () => {
  const needed = WIFI_EXPLANATIONS.filter(({ inGuest }) => inGuest !== true).map(({ why }) => why);
  assert.equal([...used].map(({ why }) => why).toSorted(), needed.toSorted());
  const recorded = new Set(ORACLE.map(({ name }) => name));
  assert.equal([...played].filter((name) => !recorded.has(name)), []);
  assert.equal([...recorded].filter((name) => !played.has(name)), BEYOND);
});

test.run();
