/**
 * A core with the Wi-Fi plugin on a bench (core-bench.ts), one radio `wlan0` and a supplicant in
 * memory (fake-supplicant.ts). Services get static addresses, so nothing leaves the process.
 */

import { wifi } from '../../plugins/wifi/wifi.ts';
import { agentInterface } from '../../src/dbus/interfaces/agent.ts';
import { managerInterface } from '../../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../../src/dbus/interfaces/service.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import type { Proxy } from '../../src/dbus/interface.ts';
import { type CoreBench, coreBench, type CoreBenchOptions } from './core-bench.ts';
import {
  type FakeAccessPoint, type FakeSupplicant, fakeSupplicant, type FakeSupplicantOptions,
} from './fake-supplicant.ts';
import type { TestContext } from './with-scope.ts';

/** What a Wi-Fi test has in hand. */
export interface WifiBench extends CoreBench {
  readonly supplicant: FakeSupplicant;
  /** Starts another one, after `supplicant.stop()`. */
  restartSupplicant(): Promise<FakeSupplicant>;
  /** As SIGTERM does, as far as the plugin is concerned. */
  stopDaemon(): Promise<void>;
  readonly agent: FakeAgent;
  /** The service of a network, over the bus. */
  service(group: string): Proxy<typeof serviceInterface>;
  /** `State` and `Error` of a service. */
  state(group: string): readonly [state: string | undefined, error: string | undefined];
}

/** The user. */
export interface FakeAgent {
  /** What is answered to RequestInput; an error where it is one. */
  answer: Record<string, string | Uint8Array> | Error;
  /** Answered before that, each once. */
  readonly first: Record<string, string | Uint8Array>[];
  /** What is answered to ReportError. */
  verdict: Error | undefined;
  /** What is answered to RequestPeerAuthorization. */
  peerAnswer: Record<string, string> | Error | Promise<Record<string, string>>;
  /** What is answered to ReportPeerError, each once. */
  readonly peerVerdicts: Error[];
  /** `RequestInput <service> <fields>` and `ReportError <service> <error>`, oldest first. */
  readonly heard: string[];
}

/** The identifier of the service of a network of `wlan0`. */
export function wifiIdentifier(group: string): string {
  return `wifi_02000000000a_${group}`;
}

const RADIO = Uint8Array.of(2, 0, 0, 0, 0, 10);

/** `<ssid hex>_managed_<security>`. */
export function groupOf(ssid: string | Uint8Array, security: 'none' | 'wep' | 'psk' | 'ieee8021x'): string {
  return `${Buffer.from(ssid).toString('hex')}_managed_${security}`;
}

/** A settings file of a network, with a static address so that connecting ends in `ready`. */
export function storedNetwork(group: string, lines: readonly string[] = []): Record<string, string> {
  const identifier = wifiIdentifier(group);
  const address = [
    'IPv4.method=manual', 'IPv4.netmask_prefixlen=24', 'IPv4.local_address=192.0.2.10', 'IPv6.method=off',
  ];
  return { [`${identifier}/settings`]: [`[${identifier}]`, ...address, ...lines, ''].join('\n') };
}

/** What may be otherwise than on the first day. */
export interface WifiBenchOptions extends CoreBenchOptions, FakeSupplicantOptions {
  /** The radio's own is 02:00:00:00:00:0a. */
  readonly radioAddress?: Uint8Array;
  /** In whose network, by the name in the air, the supplicant is since before the daemon. */
  readonly inherited?: string;
}

/** Builds it, powered and scanned once. */
export async function wifiBench(
  context: TestContext,
  air: Readonly<Record<string, FakeAccessPoint>>,
  options: WifiBenchOptions = {},
): Promise<WifiBench> {
  const {
    files = {}, mainConf = '', radioAddress = RADIO, inherited, onLink, modes, maxScanSsids, ...rest
  } = options;
  const bench = await coreBench(context, {
    ...rest,
    mainConf: `OnlineCheckMode=none\n${mainConf}`,
    devtypes: { wlan0: 'wlan' },
    files: { settings: '[global]\nOfflineMode=false\n\n[WiFi]\nEnable=true\n', ...files },
  });
  const abilities = { onLink, modes, maxScanSsids };
  const start = async (): Promise<FakeSupplicant> =>
    (latest = await fakeSupplicant((scope) => bench.connect(scope), context.scope, air, abilities));
  let latest: FakeSupplicant;
  const supplicant = await start();
  const agent = await serveAgent(bench, context);
  bench.kernel.addLink({ name: 'wlan0', hardwareAddress: radioAddress, permanentAddress: RADIO, isUp: true });
  bench.kernel.mirror.linkChanged.observe(context.scope, ({ before, after }) => {
    if (before?.isUp !== after?.isUp && after !== undefined) latest.setInterfaceUp(after.isUp);
  });
  await bench.settled();
  const life = context.scope.child();
  if (inherited !== undefined) supplicant.inherit('wlan0', inherited);
  await wifi.start(bench.core, life);
  await bench.settled();
  return {
    ...bench,
    supplicant,
    restartSupplicant: start,
    async stopDaemon() {
      await bench.core.services.takeLeave('keep');
      await life.close();
      await bench.settled();
    },
    agent,
    service: (group) => bench.client.proxy(
      serviceInterface, 'net.connman', `/net/connman/service/${wifiIdentifier(group)}`,
    ),
    state: (group) => {
      const service = bench.core.services.get(wifiIdentifier(group));
      return [service?.state, service?.error];
    },
  };
}

async function serveAgent({ client }: CoreBench, { scope }: TestContext): Promise<FakeAgent> {
  const agent: FakeAgent = {
    answer: {}, first: [], verdict: undefined, peerAnswer: {}, peerVerdicts: [], heard: [],
  };
  const nameOf = (path: string): string => path.split('/').at(-1) ?? '';
  client.export('/agent', agentInterface, {
    methods: {
      Release: () => undefined,
      Cancel: () => void agent.heard.push('Cancel'),
      RequestBrowser: () => undefined,
      ReportPeerError: ({ peer, error }) => {
        agent.heard.push(`ReportPeerError ${nameOf(peer)} ${error}`);
        const verdict = agent.peerVerdicts.shift();
        if (verdict !== undefined) throw verdict;
      },
      RequestPeerAuthorization: async ({ peer, fields }) => {
        agent.heard.push(`RequestPeerAuthorization ${nameOf(peer)} ${[...fields.keys()].join()}`.trim());
        const answer = await agent.peerAnswer;
        if (answer instanceof Error) throw answer;
        return new Map(Object.entries(answer).map(([key, value]) => [key, variant('s', value)]));
      },
      ReportError: ({ service, error }) => {
        agent.heard.push(`ReportError ${nameOf(service)} ${error}`);
        if (agent.verdict !== undefined) throw agent.verdict;
      },
      RequestInput: ({ service, fields }) => {
        agent.heard.push(`RequestInput ${nameOf(service)} ${[...fields.keys()].join()}`);
        const answer = agent.first.shift() ?? agent.answer;
        if (answer instanceof Error) throw answer;
        return new Map(Object.entries(answer).map(([key, value]): [string, Variant] => [
          key, typeof value === 'string' ? variant('s', value) : variant('ay', value),
        ]));
      },
    },
  }, scope);
  await client.proxy(managerInterface, 'net.connman', '/').RegisterAgent({ path: '/agent' });
  return agent;
}
