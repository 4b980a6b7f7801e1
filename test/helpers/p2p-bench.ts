/**
 * A core with the Wi-Fi plugin (wifi-bench.ts) whose radio does Wi-Fi Direct (fake-p2p.ts): powered,
 * with the technology on, and a link of its own for DHCP in groups.
 */

import { managerInterface } from '../../src/dbus/interfaces/manager.ts';
import { peerInterface } from '../../src/dbus/interfaces/peer.ts';
import { technologyInterface } from '../../src/dbus/interfaces/technology.ts';
import type { Proxy } from '../../src/dbus/interface.ts';
import type { Scope } from '../../src/shared/scope.ts';
import { FakeDhcpLink } from '../unit/dhcp/fake-link.ts';
import { FakeP2p } from './fake-p2p.ts';
import { type WifiBench, wifiBench, type WifiBenchOptions } from './wifi-bench.ts';
import type { TestContext } from './with-scope.ts';

/** What a test of Wi-Fi Direct has in hand. */
export interface P2pBench extends Omit<WifiBench, 'state'> {
  readonly p2p: FakeP2p;
  /** Where the sockets of DHCP end. */
  readonly wire: FakeDhcpLink;
  readonly manager: Proxy<typeof managerInterface>;
  readonly technology: Proxy<typeof technologyInterface>;
  peer(address: string): Proxy<typeof peerInterface>;
  /** Signals about peers, without their common beginning. */
  peerSignals(): string[];
  /** `State` of a peer as the bus has it. */
  state(address: string): string;
  /** Another client of the daemon's, until its scope closes. */
  client2(scope: Scope): Promise<Proxy<typeof managerInterface>>;
}

/** A machine whose Wi-Fi Direct is on unless `isOn` says otherwise. */
export async function p2pBench(
  context: TestContext, { isOn = true, files = {}, ...rest }: WifiBenchOptions & { readonly isOn?: boolean } = {},
): Promise<P2pBench> {
  const p2p = new FakeP2p();
  const wire = new FakeDhcpLink();
  const { packet, udp } = wire.system;
  const settings = `[global]\nOfflineMode=false\n\n[WiFi]\nEnable=true\n\n[P2P]\nEnable=${isOn}\n`;
  const bench = await wifiBench(context, {}, {
    ...rest, onLink: p2p.onLink, system: { packet, udp }, files: { settings, ...files },
  });
  p2p.kernel = bench.kernel;
  const { client, core, signals } = bench;
  const pathOf = (address: string): string => `/net/connman/peer/peer_02000000000a_${address}`;
  return {
    ...bench, p2p, wire,
    manager: client.proxy(managerInterface, 'net.connman', '/'),
    technology: client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/p2p'),
    peer: (address) => client.proxy(peerInterface, 'net.connman', pathOf(address)),
    peerSignals: () => signals.flatMap((line) => /^Peer peer_02000000000a_(?:\w{8})?(.*)/.exec(line)?.[1] ?? []),
    state: (address) => [...core.peers.list].find(({ identifier }) => identifier.endsWith(address))?.state ?? 'gone',
    client2: async (scope) => (await bench.connect(scope)).proxy(managerInterface, 'net.connman', '/'),
  };
}
