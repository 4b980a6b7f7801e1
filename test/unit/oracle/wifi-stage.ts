/**
 * Plays the Wi-Fi script (test/oracle/wifi-script.ts) with ours on a bench (test/helpers/wifi-bench.ts), before a
 * network that gives addresses and is online, and takes notes as test/oracle/recorder.ts does in the guest: with
 * the same names for networks, addresses and the radio.
 */

import type { Message } from '../../../src/dbus/message.ts';
import { DBusError } from '../../../src/dbus/errors.ts';
import { agentInterface } from '../../../src/dbus/interfaces/agent.ts';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { technologyInterface } from '../../../src/dbus/interfaces/technology.ts';
import { variant, Variant } from '../../../src/dbus/signature.ts';
import type { FakeKernel } from '../../helpers/fake-kernel.ts';
import { FakeNetwork } from '../../helpers/fake-network.ts';
import { groupOf, type WifiBench, wifiBench, wifiIdentifier } from '../../helpers/wifi-bench.ts';
import type { TestContext } from '../../helpers/with-scope.ts';
import type { Step } from '../../oracle/recorder.ts';

const WPS = Buffer.from('dd190050f204104a00011010440001021041000100101200020004', 'hex');
const SECRET = 'rigsecret';
const AIR = {
  psk: { ssid: 'rig-psk', keyManagements: ['wpa-psk'], secret: SECRET },
  open: { ssid: 'rig-open' },
  hidden: { ssid: 'rig-hidden', isHidden: true, keyManagements: ['wpa-psk'], secret: SECRET },
  wps: { ssid: 'rig-wps', keyManagements: ['wpa-psk'], secret: SECRET, elements: WPS, wpsKey: SECRET },
  sae: { ssid: 'rig-sae', keyManagements: ['sae'], secret: SECRET },
  both: { ssid: 'rig-both', keyManagements: ['wpa-psk', 'sae'], secret: SECRET },
  owe: { ssid: 'rig-owe', keyManagements: ['owe'] },
  eap: { ssid: 'rig-eap', keyManagements: ['wpa-eap'] },
};

/** The networks. `hidden` is the one without a name. */
export const GROUPS = {
  psk: groupOf('rig-psk', 'psk'), open: groupOf('rig-open', 'none'), hidden: 'hidden_managed_psk',
  wps: groupOf('rig-wps', 'psk'), sae: groupOf('rig-sae', 'psk'), both: groupOf('rig-both', 'psk'),
  owe: groupOf('rig-owe', 'none'), eap: groupOf('rig-eap', 'ieee8021x'),
} as const satisfies Record<keyof typeof AIR, string>;

/** What the agent answers: a dictionary, or an error. */
export type Answer = Readonly<Record<string, string>> | Error;

/** A user who does not want to. */
export const CANCELED = new DBusError('net.connman.Agent.Error.Canceled', '');

const WRITTEN_MS = 2000;
const GATEWAY = Uint8Array.of(192, 0, 2, 1);
const MAIN_CONF = `OnlineCheckMode=one-shot
OnlineCheckIPv4URL=http://192.0.2.80/
`;

/** Acts on a bench and takes notes. */
export class Stage {
  readonly bench: WifiBench;
  readonly #context: TestContext;
  readonly #steps: { readonly name: string; readonly lines: string[] }[] = [];
  #answer: Answer = CANCELED;

  private constructor(bench: WifiBench, context: TestContext) {
    this.bench = bench;
    this.#context = context;
    const asked = (member: string, service: string, what: unknown): void =>
      this.#line(`< Agent /agent ${member} ${json(service)} ${json(what)}`);
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

  /** On the first day, with all networks found and an agent. */
  static async open(context: TestContext): Promise<Stage> {
    const found: { bench?: WifiBench } = {};
    const kernel = (): FakeKernel => {
      if (found.bench === undefined) throw new Error('no bench yet');
      return found.bench.kernel;
    };
    const { system } = new FakeNetwork(context.clock, kernel, context.scope, { 6: GATEWAY });
    const bench = await wifiBench(context, AIR, { mainConf: MAIN_CONF, system });
    found.bench = bench;
    const stage = new Stage(bench, context);
    await bench.client.onSignal({ pathNamespace: '/' }, context.scope, (message) => stage.#hear(message));
    await stage.manager.UnregisterAgent({ path: '/agent' });
    await stage.manager.RegisterAgent({ path: '/recorded' });
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

  /** Does something, and waits for all that comes of it. */
  async step(name: string, act: () => unknown): Promise<void> {
    this.#steps.push({ name, lines: [] });
    await act();
    await this.bench.settled();
    await this.#context.clock.advance(300);
    await this.bench.settled();
  }

  /** A step that connects to a network, where the agent says `answer`. */
  tried(name: string, answer: Answer, group: string = GROUPS.psk): Promise<void> {
    this.#answer = answer;
    return this.step(name, () => this.connect(group));
  }

  connect(group: string): Promise<void> {
    return this.note(`${nameOf(group)} Connect`, this.bench.service(group).Connect());
  }

  disconnect(group: string): Promise<void> {
    return this.note(`${nameOf(group)} Disconnect`, this.bench.service(group).Disconnect());
  }

  remove(group: string): Promise<void> {
    return this.note(`${nameOf(group)} Remove`, this.bench.service(group).Remove());
  }

  ask(group: string): Promise<void> {
    return this.note(`${nameOf(group)} GetProperties`, this.bench.service(group).GetProperties());
  }

  /** Manager, technologies, and these services. */
  async dump(...groups: readonly string[]): Promise<void> {
    await this.note('/ GetProperties', this.manager.GetProperties());
    await this.note('/ GetTechnologies', this.manager.GetTechnologies());
    for (const group of groups) await this.ask(group);
  }

  setTechnology(name: string, value: Variant): Promise<void> {
    return this.note(`wifi SetProperty "${name}" ${json(value)}`, this.technology.SetProperty({ name, value }));
  }

  setService(group: string, name: string, value: Variant): Promise<void> {
    const call = `${nameOf(group)} SetProperty "${name}" ${json(value)}`;
    return this.note(call, this.bench.service(group).SetProperty({ name, value }));
  }

  /** What is stored of a network, sorted by key. */
  async noteStored(group: string): Promise<void> {
    // What changes is gathered before it is written.
    await this.#context.clock.advance(WRITTEN_MS);
    const text = this.bench.files.get(`${wifiIdentifier(group)}/settings`) ?? '';
    for (const line of text.split('\n').filter((each) => each.includes('=')).toSorted()) this.#line(line);
  }

  async note(call: string, reply: Promise<unknown>): Promise<void> {
    const answer = await reply.then(
      (value) => (value === undefined ? 'done' : json(value)),
      (error: unknown) => (error instanceof DBusError ? `${error.name}: ${error.message}` : String(error)),
    );
    await this.bench.settled();
    this.#line(`> ${call} = ${answer}`);
  }

  #hear({ path = '', interface: name = '', member = '', body }: Message): void {
    const noun = name.split('.').at(-1) ?? '';
    const isObjectManager = noun === 'ObjectManager';
    if (!isObjectManager && name !== `net.connman.${noun}`) return;
    const subject = isObjectManager ? noun : `${noun} ${path}`;
    const what = body.map(json);
    this.#line([subject, ...(member === 'PropertyChanged' ? what : [member, ...what])].join(' '));
  }

  #line(text: string): void {
    this.#steps.at(-1)?.lines.push(nameOf(text));
  }
}

/** With names for paths and groups, and the addresses and the radio of the recording. */
function nameOf(text: string): string {
  return text
    .replaceAll(/(?:\/net\/connman\/service\/)?(?:wifi_02000000000a_)?(hidden|[0-9a-f]{12,})_managed_([a-z0-9]+)/g,
      (_, ssid: string, security: string) =>
        `${ssid === 'hidden' ? ssid : Buffer.from(ssid, 'hex').toString()}/${security}`)
    .replaceAll('/net/connman/technology/', '')
    .replaceAll('"wlan0"', '"wlan1"')
    .replaceAll('02:00:00:00:00:0A', '02:00:00:00:01:00')
    .replaceAll('192.0.2.1"', '10.77.0.1"')
    .replaceAll('192.0.2.47', 'LEASED')
    .replaceAll('"255.255.255.0"', '"255.255.240.0"')
    .replaceAll(/\bModified=\S+/g, 'Modified=THEN')
    .replaceAll(/"Strength":\d+/g, '"Strength":"HEARD"');
}

function json(value: unknown): string {
  return JSON.stringify(plain(value));
}

// Our own interfaces stand beside ConnMan's; they are not compared.
function plain(value: unknown): unknown {
  if (value instanceof Variant) return plain(value.value);
  if (value instanceof Map) {
    const entries = [...value].map(([key, each]): [string, unknown] => [String(key), plain(each)]);
    return Object.fromEntries(entries.filter(([key]) => !key.startsWith('net.causeway.')));
  }
  if (!Array.isArray(value)) return value;
  return value.filter((each) => !String(each).startsWith('net.causeway.')).map(plain);
}
