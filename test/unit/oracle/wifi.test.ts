/**
 * What Debian's connmand answered on Wi-Fi (test/oracle/wifi.txt), held against ours on a bench, as far as
 * nothing has to be connected: what networks look like, what is asked of users and what comes of their answers,
 * and what is refused.
 */

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DBusError } from '../../../src/dbus/errors.ts';
import { agentInterface } from '../../../src/dbus/interfaces/agent.ts';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { technologyInterface } from '../../../src/dbus/interfaces/technology.ts';
import { variant, Variant } from '../../../src/dbus/signature.ts';
import { groupOf, type WifiBench, wifiBench } from '../../helpers/wifi-bench.ts';
import { type TestContext, withScope } from '../../helpers/with-scope.ts';
import { type Explanation, WIFI_EXPLANATIONS } from '../../oracle/differences.ts';
import type { Step } from '../../oracle/recorder.ts';
import { parseTranscript } from '../../oracle/transcript.ts';
import { unexplainedOnWifi } from '../../oracle/wifi-compare.ts';
import { BETWEEN } from '../../oracle/wifi-script.ts';

const PSK = groupOf('rig-psk', 'psk');
const HIDDEN = 'hidden_managed_psk';
const WPS = Buffer.from('dd190050f204104a00011010440001021041000100101200020004', 'hex');
const AIR = {
  psk: { ssid: 'rig-psk', keyManagements: ['wpa-psk'], secret: 'rigsecret' },
  open: { ssid: 'rig-open' },
  hidden: { ssid: 'rig-hidden', isHidden: true, keyManagements: ['wpa-psk'], secret: 'rigsecret' },
  wps: { ssid: 'rig-wps', keyManagements: ['wpa-psk'], secret: 'rigsecret', elements: WPS },
  sae: { ssid: 'rig-sae', keyManagements: ['sae'], secret: 'rigsecret' },
  both: { ssid: 'rig-both', keyManagements: ['wpa-psk', 'sae'], secret: 'rigsecret' },
  owe: { ssid: 'rig-owe', keyManagements: ['owe'] },
  eap: { ssid: 'rig-eap', keyManagements: ['wpa-eap'] },
};
const GROUPS = {
  psk: PSK, open: groupOf('rig-open', 'none'), hidden: HIDDEN, wps: groupOf('rig-wps', 'psk'),
  sae: groupOf('rig-sae', 'psk'), both: groupOf('rig-both', 'psk'), owe: groupOf('rig-owe', 'none'),
  eap: groupOf('rig-eap', 'ieee8021x'),
};
const CANCELED = new DBusError('net.connman.Agent.Error.Canceled', '');

test('Wi-Fi as Debian\'s connmand, as far as nothing is connected', withScope(async (context) => {
  const oracle = parseTranscript(readFileSync('test/oracle/wifi.txt', 'utf8'));
  const stage = await Stage.open(context);
  for (const [name, group] of Object.entries(GROUPS)) await stage.step(`${name}: asked`, () => stage.ask(group));
  await playKeys(stage);
  for (const name of ['wps', 'sae', 'both', 'eap', 'hidden'] as const) {
    await stage.tried(`${name}: Connect, not wanted`, CANCELED, GROUPS[name]);
  }
  await stage.tried('wps: Connect with a PIN that is none', { WPS: '123' }, GROUPS.wps);
  const key = { Passphrase: 'rigsecret' };
  await stage.tried('hidden: Connect by a name that is none', { ...key, Name: 'x'.repeat(33) }, HIDDEN);
  await stage.tried('hidden: Connect by another name', { ...key, Name: 'rig-nowhere' }, HIDDEN);
  await stage.step(BETWEEN, () => stage.bench.service(PSK).ClearProperty({ name: 'Error' }));
  await playRefusals(stage);
  const used = new Set<Explanation>();
  assert.equal(unexplainedOnWifi(oracle, stage.steps, used), []);
  const needed = WIFI_EXPLANATIONS.filter(({ inGuest }) => inGuest !== true).map(({ why }) => why);
  assert.equal([...used].map(({ why }) => why).toSorted(), needed.toSorted(), 'every explanation is needed');
  const played = stage.steps.filter(({ name }) => oracle.some((each) => each.name === name));
  assert.is(played.length, 24, 'all were recorded');
}));

async function playKeys(stage: Stage): Promise<void> {
  await stage.manager.UnregisterAgent({ path: '/agent' });
  await stage.step('psk: Connect without an agent', () => stage.connect(PSK));
  await stage.manager.RegisterAgent({ path: '/recorded' });
  await stage.tried('psk: Connect, the user does not want to', CANCELED);
  await stage.tried('psk: Connect, the agent fails', new DBusError('org.example.Error', ''));
  await stage.tried('psk: Connect with a key that is none', { Passphrase: 'short' });
  await stage.tried('psk: Connect with a wrong key', { Passphrase: 'not the one' });
  await stage.step('psk: asked after a wrong key', () => stage.ask(PSK));
}

async function playRefusals(stage: Stage): Promise<void> {
  const long = 'x'.repeat(64);
  const service = stage.bench.service(PSK);
  const other = `/net/connman/service/wifi_02000000000a_${GROUPS.open}`;
  await stage.step('psk: refused', async () => {
    const set = (name: string, value: Variant): Promise<void> =>
      stage.note(`rig-psk/psk SetProperty "${name}" ${json(value)}`, service.SetProperty({ name, value }));
    await stage.note('rig-psk/psk Disconnect', service.Disconnect());
    await stage.note('rig-psk/psk Remove', service.Remove());
    await set('AutoConnect', variant('b', true));
    await set('Passphrase', variant('s', 'rigsecret'));
    await set('Hidden', variant('b', true));
    await set('Nameservers.Configuration', variant('as', ['192.0.2.53']));
    await stage.note('rig-psk/psk ClearProperty "Error"', service.ClearProperty({ name: 'Error' }));
    await stage.note('rig-psk/psk MoveBefore "rig-open/none"', service.MoveBefore({ service: other }));
  });
  await stage.step('technology: refused', async () => {
    const set = (name: string, value: Variant): Promise<void> =>
      stage.note(`wifi SetProperty "${name}" ${json(value)}`, stage.technology.SetProperty({ name, value }));
    await set('Powered', variant('b', true));
    await set('Tethering', variant('b', false));
    await set('TetheringIdentifier', variant('s', ''));
    await set('TetheringIdentifier', variant('s', long));
    await set('TetheringPassphrase', variant('s', 'short'));
    await set('TetheringPassphrase', variant('s', `${long}x`));
    await set('TetheringFreq', variant('i', -1));
    await set('TetheringFreq', variant('i', 2437));
    await set('Connected', variant('b', true));
    await stage.note('wifi GetProperties', stage.technology.GetProperties());
  });
}

/** Takes notes as test/oracle/recorder.ts does. */
class Stage {
  readonly bench: WifiBench;
  readonly #context: TestContext;
  readonly #steps: { readonly name: string; readonly lines: string[] }[] = [];
  #answer: Readonly<Record<string, string>> | Error = CANCELED;
  #heard = 0;

  private constructor(bench: WifiBench, context: TestContext) {
    this.bench = bench;
    this.#context = context;
    const asked = (member: string, service: string, what: unknown): void => {
      this.#hear();
      this.#line(`< Agent /agent ${member} ${json(service)} ${json(what)}`);
    };
    bench.client.export('/recorded', agentInterface, {
      methods: {
        Release: () => undefined,
        Cancel: () => undefined,
        RequestBrowser: () => undefined,
        ReportPeerError: () => undefined,
        RequestPeerAuthorization: () => new Map(),
        ReportError: ({ service, error }) => asked('ReportError', service, error),
        RequestInput: ({ service, fields }) => {
          asked('RequestInput', service, fields);
          if (this.#answer instanceof Error) throw this.#answer;
          return new Map(Object.entries(this.#answer).map(([key, value]) => [key, variant('s', value)]));
        },
      },
    }, context.scope);
  }

  static async open(context: TestContext): Promise<Stage> {
    const bench = await wifiBench(context, AIR);
    const stage = new Stage(bench, context);
    await stage.step('start', () => undefined);
    stage.#steps.length = 0;
    return stage;
  }

  get steps(): readonly Step[] {
    return this.#steps;
  }

  get manager() {
    return this.bench.client.proxy(managerInterface, 'net.connman', '/');
  }

  get technology() {
    return this.bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  }

  async step(name: string, act: () => unknown): Promise<void> {
    this.#steps.push({ name, lines: [] });
    await act();
    await this.bench.settled();
    await this.#context.clock.advance(300);
    await this.bench.settled();
    this.#hear();
  }

  tried(name: string, answer: Readonly<Record<string, string>> | Error, group = PSK): Promise<void> {
    this.#answer = answer;
    return this.step(name, () => this.connect(group));
  }

  connect(group: string): Promise<void> {
    return this.note(`${nameOf(group)} Connect`, this.bench.service(group).Connect());
  }

  ask(group: string): Promise<void> {
    return this.note(`${nameOf(group)} GetProperties`, this.bench.service(group).GetProperties());
  }

  async note(call: string, reply: Promise<unknown>): Promise<void> {
    const answer = await reply.then(
      (value) => (value === undefined ? 'done' : json(value)),
      (error: unknown) => (error instanceof DBusError ? `${error.name}: ${error.message}` : String(error)),
    );
    await this.bench.settled();
    this.#hear();
    this.#line(`> ${call} = ${answer}`);
  }

  // The bench writes `Service wifi_… State "idle"`, transcripts `Service rig-psk/psk "State" "idle"`.
  #hear(): void {
    const { signals } = this.bench;
    for (const line of signals.slice(this.#heard)) {
      const change = /^(Service|Technology) (\S+) (\S+) (.*)$/.exec(line);
      if (change !== null) this.#line(`${change[1]} ${nameOf(change[2] ?? '')} "${change[3]}" ${change[4]}`);
    }
    this.#heard = signals.length;
  }

  #line(text: string): void {
    this.#steps.at(-1)?.lines.push(nameOf(text));
  }
}

/** With names for paths and groups, and the radio of the recording. */
function nameOf(text: string): string {
  return text
    .replaceAll(/(?:\/net\/connman\/service\/)?(?:wifi_02000000000a_)?(hidden|[0-9a-f]{12,})_managed_([a-z0-9]+)/g,
      (_, ssid: string, security: string) =>
        `${ssid === 'hidden' ? ssid : Buffer.from(ssid, 'hex').toString()}/${security}`)
    .replaceAll('"wlan0"', '"wlan1"')
    .replaceAll('02:00:00:00:00:0A', '02:00:00:00:01:00')
    .replaceAll(/"Strength":\d+/g, '"Strength":"HEARD"');
}

function json(value: unknown): string {
  return JSON.stringify(plain(value));
}

function plain(value: unknown): unknown {
  if (value instanceof Variant) return plain(value.value);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), plain(each)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

test.run();
