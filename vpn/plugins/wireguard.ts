/**
 * WireGuard by generic netlink alone: an interface of kind `wireguard`, its key and its peers, whose
 * names are looked up again while the tunnel is up. No helper, no question to anybody.
 */

import { NetlinkError } from '../../src/netlink/error.ts';
import {
  setWireguardDevice, setWireguardEndpoint, type WireguardDevice, type WireguardPeer,
} from '../../src/netlink/genl/wireguard.ts';
import { parsePrefix, parseWireguardKey, splitWords } from '../../src/provision/vpn-values.ts';
import { ConnmanError, messageOf } from '../../src/shared/errors.ts';
import { parseIpAddress, type IpAddress, type IpPrefix } from '../../src/shared/ipaddress.ts';
import { logger } from '../../src/shared/log.ts';
import { VpnFailure, type Driver, type Plugin, type Session, type Settings, type VpnCore } from '../api.ts';
import { WaysAround } from './lib/ways-around.ts';

const log = logger('vpn/plugins/wireguard.ts');

/** Port of a server that names none. */
const DEFAULT_PORT = '51820';

/** How often the names of servers are looked up again. */
const RESOLVE_MS = 20_000;

/** Interfaces that are tried, `wg0` on. */
const MAX_INTERFACES = 256;

/** The WireGuard driver. */
export const wireguard: Plugin<VpnCore> = {
  name: 'wireguard',
  description: 'WireGuard VPN plugin',
  priority: 'default',
  start: ({ drivers }, scope) => drivers.register(driver, scope),
};

const driver: Driver = {
  type: 'wireguard',
  async run(session) {
    const { env, scope, signal, settings } = session;
    const plan = readPlan(settings, session.host);
    const peers = await Promise.all(plan.peers.map((peer) => resolvePeer(session, peer)));
    const name = await addInterface(session);
    const device: WireguardDevice = { name, privateKey: plan.privateKey, peers, ...plan.port };
    try {
      await setWireguardDevice(env.genl(), device, signal);
    } catch (error) {
      throw refused(error);
    }
    // The first peer's is the server that connmand has to reach around the tunnel; the others' are left to us.
    const ways = new WaysAround(env.kernel, name, scope);
    const leadToOthers = (): Promise<void> => ways.lead(othersOf(peers));
    await leadToOthers();
    const up = (): void => session.up({
      interfaceName: name,
      addresses: plan.addresses.map((each) => ({ ...each })),
      gateway: String(peers[0]?.endpoint?.address ?? session.host),
      nameservers: splitWords(settings.get('WireGuard.DNS') ?? '').filter((each) => parseIpAddress(each) !== undefined),
      routes: [],
      ...(plan.mtu !== undefined && { mtu: plan.mtu }),
    });
    up();
    const follow = env.clock.alarm(`names of ${name}`, scope, () => {
      const server = peers[0]?.endpoint?.address;
      void followNames(session, name, plan.peers, peers).then(() => {
        if (signal.aborted || scope.isClosed) return;
        void leadToOthers();
        if (peers[0]?.endpoint?.address !== server) up();
        follow.set(env.clock.now() + RESOLVE_MS);
      });
    });
    if (plan.peers.some(({ host }) => host !== undefined && parseIpAddress(host) === undefined)) {
      follow.set(env.clock.now() + RESOLVE_MS);
    }
    await ended(session, name);
  },
};

/** A peer whose server may be a name. */
interface PeerPlan extends Omit<WireguardPeer, 'endpoint'> {
  readonly host: string | undefined;
  readonly port: number;
}

interface Plan {
  readonly privateKey: Uint8Array;
  readonly port: { readonly listenPort?: number };
  readonly mtu: number | undefined;
  readonly addresses: readonly IpPrefix[];
  readonly peers: readonly PeerPlan[];
}

function readPlan(settings: Settings, host: string): Plan {
  const listenPort = settings.get('WireGuard.ListenPort');
  const privateKey = parseWireguardKey(settings.get('WireGuard.PrivateKey') ?? '');
  const addresses = prefixes(settings.get('WireGuard.Address'));
  if (privateKey === undefined) throw wrong('WireGuard.PrivateKey');
  if (addresses.length === 0) throw wrong('WireGuard.Address');
  const port = Number(settings.get('WireGuard.EndpointPort') ?? DEFAULT_PORT);
  const first = readPeer(settings, 'WireGuard.', { host, port });
  const names = settings.visible().flatMap(([key]) => /^WireGuard\.Peer\.([^.]+)\./.exec(key)?.[1] ?? []);
  const others = [...new Set(names)].map((name) => {
    const prefix = `WireGuard.Peer.${name}.`;
    return readPeer(settings, prefix, splitEndpoint(settings.get(`${prefix}Endpoint`)));
  });
  const mtu = settings.get('WireGuard.MTU') ?? settings.get('VPN.MTU');
  return {
    privateKey,
    port: listenPort === undefined ? {} : { listenPort: Number(listenPort) },
    mtu: mtu === undefined ? undefined : Number(mtu),
    addresses,
    peers: [first, ...others],
  };
}

function readPeer(settings: Settings, prefix: string, server: { host: string | undefined; port: number }): PeerPlan {
  const publicKey = parseWireguardKey(settings.get(`${prefix}PublicKey`) ?? '');
  const presharedText = settings.get(`${prefix}PresharedKey`);
  const presharedKey = presharedText === undefined ? undefined : parseWireguardKey(presharedText);
  const keepalive = settings.get(`${prefix}PersistentKeepalive`);
  const allowedIps = prefixes(settings.get(`${prefix}AllowedIPs`));
  if (publicKey === undefined) throw wrong(`${prefix}PublicKey`);
  if (presharedText !== undefined && presharedKey === undefined) throw wrong(`${prefix}PresharedKey`);
  if (allowedIps.length === 0) throw wrong(`${prefix}AllowedIPs`);
  return {
    ...server,
    publicKey,
    allowedIps,
    ...(presharedKey !== undefined && { presharedKey }),
    ...(keepalive !== undefined && { keepaliveSec: Number(keepalive) }),
  };
}

function prefixes(text: string | undefined): IpPrefix[] {
  return splitWords(text ?? '').flatMap((each) => parsePrefix(each) ?? []);
}

function splitEndpoint(text: string | undefined): { host: string | undefined; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::([0-9]{1,5}))?$/.exec(text ?? '') ?? [];
  return { host: bracketed ?? plain, port: Number(port ?? DEFAULT_PORT) };
}

function wrong(key: string): VpnFailure {
  return new VpnFailure('unknown', new ConnmanError('InvalidArguments', `${key} is missing or wrong`));
}

async function resolvePeer(session: Session, { host, port, ...peer }: PeerPlan): Promise<WireguardPeer> {
  if (host === undefined) return peer;
  const address = await choose(session, await resolve(session, host));
  if (address === undefined) {
    throw new VpnFailure('connect', new ConnmanError('InvalidArguments', `${host} cannot be resolved`));
  }
  return { ...peer, endpoint: { address, port } };
}

/** None where it cannot be resolved. */
async function resolve({ env, signal }: Session, host: string): Promise<readonly IpAddress[]> {
  try {
    return await env.resolveHost(host, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    log.warn('%s: %s', host, messageOf(error));
    return [];
  }
}

/** The first that a route leads to, or else the first: a network may have one family alone. */
async function choose({ env, signal }: Session, addresses: readonly IpAddress[]): Promise<IpAddress | undefined> {
  for (const address of addresses.length > 1 ? addresses : []) {
    const isReached = await env.kernel.route.get(address, signal).then(() => true, () => false);
    signal.throwIfAborted();
    if (isReached) return address;
  }
  return addresses[0];
}

async function addInterface({ env, scope, signal }: Session): Promise<string> {
  for (let number = 0; number < MAX_INTERFACES; number++) {
    const name = `wg${number}`;
    if (env.kernel.mirror.linkByName(name) !== undefined) continue;
    try {
      await env.kernel.link.add({ kind: 'wireguard', name }, signal);
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'EEXIST') continue;
      throw refused(error);
    }
    env.ownDevice(name, scope);
    return name;
  }
  throw new VpnFailure('unknown', new ConnmanError('Failed', 'No such device'));
}

function refused(error: unknown): unknown {
  if (!(error instanceof NetlinkError)) return error;
  log.error('the kernel refuses: %s', error.message);
  const isMissing = ['EOPNOTSUPP', 'ENOENT', 'EPROTONOSUPPORT'].includes(error.code);
  return new VpnFailure('unknown', isMissing
    ? new ConnmanError('NotSupported', 'the kernel has no WireGuard')
    : new ConnmanError('InvalidArguments'));
}

async function followNames(
  session: Session, name: string, plans: readonly PeerPlan[], peers: WireguardPeer[],
): Promise<void> {
  const { env, signal } = session;
  for (const [index, { host, port }] of plans.entries()) {
    const before = peers[index];
    if (host === undefined || before === undefined || signal.aborted) continue;
    try {
      const addresses = await resolve(session, host);
      // A name with several addresses is told in any order.
      const same = addresses.find((each) => each.equals(before.endpoint?.address));
      const address = same ?? (await choose(session, addresses));
      if (address === undefined) continue;
      // Said again: the kernel answers where its peer spoke from last, and no route may lead there around the tunnel.
      const endpoint = { address, port };
      await setWireguardEndpoint(env.genl(), name, { publicKey: before.publicKey, endpoint }, signal);
      if (same !== undefined) continue;
      peers[index] = { ...before, endpoint };
      log.info('%s: %s is now %s', name, host, address);
    } catch (error) {
      if (!signal.aborted) log.warn('%s: %s', name, messageOf(error));
    }
  }
}

function othersOf([first, ...others]: readonly WireguardPeer[]): IpAddress[] {
  return others.flatMap(({ endpoint }) => endpoint?.address ?? [])
    .filter((address) => first?.endpoint?.address.equals(address) !== true);
}

// Ends with the user's wish, or when somebody removes the interface.
function ended({ env, scope, signal }: Session, name: string): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    env.kernel.mirror.linkChanged.observe(scope, ({ before, after }) => {
      if (before?.name === name && after === undefined) resolve();
    });
    if (signal.aborted) resolve();
  });
}
