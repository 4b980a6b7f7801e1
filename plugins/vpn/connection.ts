/**
 * One connection of connman-vpnd as a service: connected and disconnected there, its tunnel's
 * interface, addresses and routes handed to the core, its server reached around the tunnel by the
 * service that was the default when it was connected. When that goes, so does the tunnel.
 */

import type { Proxy } from '../../src/dbus/interface.ts';
import type { vpnConnectionInterface } from '../../src/dbus/interfaces/vpn-connection.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import { ConnmanError, messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import type { Core, JoinContext, Provider, Scope, Service, TunnelSetup } from '../../src/api.ts';
import { ConnectionSwitch } from './connection-switch.ts';
import type { KillSwitches } from './kill-switch.ts';
import { serversOf, tunnelOf, type Properties } from './properties.ts';
import { ServerRoute } from './server-route.ts';

const log = logger('plugins/vpn/connection.ts');

/** As long as the daemon waits for an agent, and some. */
const CONNECT_MS = 330_000;
const DISCONNECT_MS = 10_000;

/** ConnMan's: a second between attempts, and one more for every thirty, up to ten. */
const RETRY = { firstMs: 1000, every: 30, most: 270 } as const;

/** Errors of Connect that say nothing against another attempt. */
const PASSING = ['Failed', 'NotConnected', 'OperationTimeout', 'NoCarrier'] as const;

/** What it takes to add a connection. */
export interface ConnectionParts {
  readonly ident: string;
  readonly proxy: Proxy<typeof vpnConnectionInterface>;
  readonly core: Core;
  readonly properties: Properties;
  /** Of all connections. */
  readonly killSwitches: KillSwitches;
}

/** A connection and its service. */
export class VpnConnection {
  readonly #parts: ConnectionParts;
  readonly #scope: Scope;
  readonly #properties: Properties;
  readonly #switch: ConnectionSwitch;
  #provider: Provider | undefined;
  #joining: { resolve(): void; reject(error: unknown): void } | undefined;
  #transport: { service: Service; scope: Scope } | undefined;
  readonly #serverRoute: ServerRoute;
  #attempts = 0;
  /** Disconnect was asked for, and the daemon is not idle yet. */
  #isLeaving = false;
  /** What waits for that. */
  #onIdle: (() => void) | undefined;
  /** The daemon has said that the tunnel is there; it may still go before it is ready. */
  #isAnswered = false;
  /** The last failure may pass by itself: the server was away, and refused nothing. */
  #mayRetry = false;

  private constructor(parts: ConnectionParts, scope: Scope) {
    this.#parts = parts;
    this.#scope = scope;
    this.#properties = new Map(parts.properties);
    const { names, clock, kernel } = parts.core;
    this.#serverRoute = new ServerRoute(parts.ident, kernel);
    this.#switch = new ConnectionSwitch(parts.ident, { names, clock, killSwitches: parts.killSwitches }, scope);
  }

  /** Adds the service, gone with `scope`; undefined where there is one of that name already. */
  static add(parts: ConnectionParts, scope: Scope): VpnConnection | undefined {
    const connection = new VpnConnection(parts, scope);
    return connection.#start() ? connection : undefined;
  }

  /** Whether its kill switch is closed. */
  get hasClosedSwitch(): boolean {
    return this.#switch.isClosed;
  }

  /** Its service. */
  get service(): Service | undefined {
    return this.#provider?.service;
  }

  /** The connection was removed for good: nobody wants it, and its kill switch opens. */
  forget(): void {
    void this.#switch.open();
  }

  /** The daemon told of a property. */
  change(name: string, value: Variant): void {
    this.#properties.set(name, value);
    switch (name) {
      case 'State':
        return this.#onState(value.as('s') ?? '');
      case 'SplitRouting':
        return this.#onSplitRouting(value.as('b'));
      case 'UserRoutes':
      case 'ServerRoutes':
        if (this.#provider?.tunnel.setup !== undefined) this.#provider.tunnel.set(this.#setup());
        return;
      case 'VPN.KillSwitch':
        void this.#applyKillSwitch();
    }
  }

  #start(): boolean {
    const { core, ident } = this.#parts;
    this.#provider = core.providers.add(
      {
        ident,
        name: this.#text('Name'),
        facts: { host: this.#text('Host'), type: this.#text('Type') },
        control: {
          connect: (signal, context) => this.#connect(signal, context),
          disconnect: () => this.#disconnect(),
          giveUp: () => this.#giveUp(),
        },
      },
      this.#scope,
    );
    if (this.#provider === undefined) return false;
    const { service } = this.#provider;
    this.#agreeOnSplitRouting(this.#provider);
    // ConnMan's words for addresses that only the VPN's daemon knows.
    if (service.configuration.ipv4.method === 'dhcp') service.configure({ ipv4: { method: 'manual' } });
    service.stateChanged.observe(this.#scope, ({ after }) => {
      if (after === 'idle' || after === 'failure') this.#down();
      this.#consider();
      void this.#applyKillSwitch();
    });
    service.changed.observe(this.#scope, (aspects) => {
      if (aspects.includes('autoconnect')) this.#consider();
    });
    core.services.defaultChanged.observe(this.#scope, () => this.#onDefault());
    this.#scope.defer(() => this.#down());
    // A tunnel that outlived the daemon before us.
    if (this.#text('State') === 'ready') service.connect('auto').catch(() => undefined);
    this.#consider();
    void this.#applyKillSwitch();
    return true;
  }

  // What was decided here is kept here, and the daemon is told; before that it is as the daemon has it, from a
  // file or by whoever made the connection.
  #agreeOnSplitRouting({ service, tunnel }: Provider): void {
    const theirs = this.#properties.get('SplitRouting')?.as('b') ?? false;
    if (!service.storedKeys.has('SplitRouting')) return this.#onSplitRouting(theirs);
    if (tunnel.isSplitRouting !== theirs) tunnel.setSplitRouting(tunnel.isSplitRouting);
  }

  // Throws at once where nothing leads to any server.
  #connect(signal: AbortSignal, { caller }: JoinContext): Promise<void> {
    const { core } = this.#parts;
    const transport = core.services.default;
    if (transport === undefined) throw new ConnmanError('InvalidArguments');
    const scope = this.#scope.child();
    this.#transport = { service: transport, scope };
    return new Promise((resolve, reject) => {
      this.#joining = { resolve, reject };
      signal.addEventListener('abort', () => (this.#joining = undefined), { once: true });
      const state = this.#text('State');
      if (this.#isLeaving || state === 'disconnect') this.#onIdle = () => this.#begin(caller?.id, reject);
      else if (state === 'ready') void this.#up();
      else this.#begin(caller?.id, reject);
    });
  }

  #begin(sender: string | undefined, reject: (error: unknown) => void): void {
    this.#mayRetry = false;
    this.#isAnswered = false;
    this.#applyKillSwitch(true)
      .then(() => (this.#joining === undefined ? undefined : this.#ask(sender)))
      .then(() => (this.#isAnswered = true))
      .catch((error: unknown) => {
        if (isNamed(error, 'OperationCanceled')) this.#provider?.service.setAutoconnect(false);
        this.#mayRetry = PASSING.some((code) => isNamed(error, code));
        reject(error);
        this.#consider();
      });
  }

  // After a failure the daemon refuses once, as a reminder; whoever connects has seen it. ConnMan's daemon, asked
  // before it knows connmand's state, says `OperationAborted` a second later and connects all the same (1.41).
  async #ask(sender: string | undefined): Promise<void> {
    const { proxy } = this.#parts;
    const options = { timeoutMs: CONNECT_MS, signal: this.#scope.signal };
    const connect = (): Promise<void> =>
      sender === undefined ? proxy.Connect({}, options) : proxy.Connect2({ dbus_sender: sender }, options);
    try {
      await connect();
    } catch (error) {
      if (isNamed(error, 'InProgress')) return connect();
      const isGoingOn = ['configuration', 'ready'].includes(this.#text('State'));
      if (!isNamed(error, 'OperationAborted') || !isGoingOn) throw error;
    }
  }

  async #disconnect(): Promise<void> {
    const { core, proxy } = this.#parts;
    this.#joining = undefined;
    this.#onIdle = undefined;
    // The daemon stops, traffic does not.
    if (core.services.isKeepingTraffic || this.#scope.isClosed) return;
    const state = this.#text('State');
    this.#isLeaving = state === 'ready' || state === 'configuration' || state === 'disconnect';
    await proxy.Disconnect({}, { timeoutMs: DISCONNECT_MS });
    // Whoever says nothing before the answer says nothing any more (ConnMan 1.41 of WireGuard).
    if (!this.#isLeaving || this.#text('State') === 'disconnect') return;
    this.#properties.set('State', variant('s', 'idle'));
    this.#noteIdle();
  }

  // What connects by itself is wanted all the same.
  #giveUp(): void {
    if (this.service?.isAutoconnect === false) void this.#switch.open();
  }

  #onState(state: string): void {
    if (state === 'ready') void this.#up();
    if (state !== 'disconnect' && state !== 'idle' && state !== 'failure') return;
    if (this.#isLeaving || this.#onIdle !== undefined) {
      if (state !== 'disconnect') this.#noteIdle();
      return;
    }
    // An attempt ends with the answer to it, whatever state an earlier one leaves behind.
    if (this.#joining === undefined) this.#provider?.network.reportLost();
    else if (this.#isAnswered) this.#joining.reject(new ConnmanError('Failed'));
  }

  #noteIdle(): void {
    this.#isLeaving = false;
    const next = this.#onIdle;
    this.#onIdle = undefined;
    next?.();
  }

  // Properties come before the state; the kernel's link may come after it.
  async #up(): Promise<void> {
    const { core } = this.#parts;
    const provider = this.#provider;
    const ifindex = this.#properties.get('Index')?.as('i') ?? 0;
    const link =
      core.kernel.mirror.links.get(ifindex) ?? (await core.kernel.link.get(ifindex).catch(() => undefined));
    const setup = this.#setup();
    if (link === undefined || setup === undefined || provider === undefined || this.#scope.isClosed) {
      this.#joining?.reject(new ConnmanError('Failed'));
      return;
    }
    provider.setLink(link);
    const transport = this.#transport?.service ?? core.services.default;
    if (setup.server !== undefined && transport !== undefined) await this.#serverRoute.lead(setup.server, transport);
    this.#followTransport();
    provider.tunnel.set(setup);
    this.#attempts = 0;
    const joining = this.#joining;
    this.#joining = undefined;
    if (joining !== undefined) {
      this.#noteAddresses(provider, setup);
      joining.resolve();
    } else if (provider.service.state === 'idle') {
      provider.service.connect('auto').catch(() => undefined); // somebody connected it there
    }
    void this.#applyKillSwitch();
  }

  #setup(): TunnelSetup | undefined {
    const setup = tunnelOf(this.#properties);
    if (setup === undefined) return undefined;
    // ConnMan's interface tells one family; the other is on the interface.
    const ifindex = this.#properties.get('Index')?.as('i') ?? 0;
    const families = new Set(setup.addresses.map(({ address }) => address.family));
    const others = [...this.#parts.core.kernel.mirror.addressesOf(ifindex)]
      .filter(({ address }) => !families.has(address.family) && !address.isLinkLocal)
      .map(({ address, prefixLength }) => ({ address, prefixLength }));
    return { ...setup, addresses: [...setup.addresses, ...others] };
  }

  #noteAddresses({ service }: Provider, { addresses, server }: TunnelSetup): void {
    const [first] = addresses;
    if (first === undefined) return;
    const gateway = server?.family === first.address.family ? { gateway: server } : {};
    const fixed = { method: 'fixed', ...first, ...gateway } as const;
    service.configure(
      first.address.family === 4
        ? { ipv4: fixed, ipv6: { method: 'off', privacy: 'disabled' } }
        : { ipv4: { method: 'off' }, ipv6: { ...fixed, privacy: 'disabled' } },
    );
  }

  #followTransport(): void {
    const { services } = this.#parts.core;
    const service = this.#transport?.service ?? services.default;
    if (service === undefined) return;
    void this.#transport?.scope.close();
    const scope = this.#scope.child();
    this.#transport = { service, scope };
    service.stateChanged.observe(scope, ({ after }) => {
      if (after !== 'ready' && after !== 'online') this.#leave();
    });
  }

  #onDefault(): void {
    const next = this.#parts.core.services.default;
    void this.#applyKillSwitch();
    if (this.#transport !== undefined && next !== this.#transport.service) this.#leave();
    this.#consider();
  }

  // Not a user's wish: it may come back by itself.
  #leave(): void {
    this.#provider?.service.leave('withdraw');
  }

  #down(): void {
    const { services } = this.#parts.core;
    void this.#transport?.scope.close();
    this.#transport = undefined;
    if (services.isKeepingTraffic) return;
    this.#serverRoute.end();
    this.#provider?.tunnel.set(undefined);
    this.#provider?.setLink(undefined);
  }

  #onSplitRouting(isSplit: boolean | undefined): void {
    const tunnel = this.#provider?.tunnel;
    if (isSplit !== undefined && tunnel !== undefined && isSplit !== tunnel.isSplitRouting)
      tunnel.setSplitRouting(isSplit);
  }

  // One that takes all traffic is enough.
  #consider(): void {
    const { core, ident } = this.#parts;
    const service = this.#provider?.service;
    if (service === undefined || !this.#isDue(service)) return;
    const delayMs = RETRY.firstMs * (1 + Math.floor(Math.min(this.#attempts, RETRY.most) / RETRY.every));
    core.clock.after(`autoconnect ${ident}`, this.#attempts === 0 ? 0 : delayMs, this.#scope, () => {
      if (!this.#isDue(service)) return;
      this.#attempts++;
      service.connect('auto').catch((error: unknown) => {
        log.debug('%s: autoconnect: %s', ident, messageOf(error));
      });
    });
  }

  #isDue(service: Service): boolean {
    const { services } = this.#parts.core;
    const isDown = service.state === 'idle' || (service.state === 'failure' && this.#mayRetry);
    if (!isDown || !service.isAutoconnect || service.isIgnored) return false;
    if (services.default === undefined || services.isKeepingTraffic) return false;
    const isFull = (each: Service): boolean => each.tunnel !== undefined && !each.tunnel.isSplitRouting;
    const others = services.list.filter((each) => each !== service && isFull(each));
    return !isFull(service) || !others.some(({ state }) => state !== 'idle' && state !== 'failure');
  }

  /**
   * Wanted is what connects by itself, or was connected and not disconnected by the user. It is closed, and the
   * server known, before an attempt begins, of which the service's state does not tell yet.
   */
  async #applyKillSwitch(isBeginning = false): Promise<void> {
    const { core: { services }, ident, killSwitches } = this.#parts;
    const { service, tunnel, device } = this.#provider ?? {};
    if (services.isKeepingTraffic) return;
    const isOn = ['true', 'yes', '1'].includes(this.#text('VPN.KillSwitch').toLowerCase());
    const isUp = isBeginning || (service !== undefined && service.state !== 'idle' && service.state !== 'failure');
    const isWished = isUp || service?.isAutoconnect === true || killSwitches.isClosed(ident);
    const transport = this.#transport?.service ?? services.default;
    await this.#switch.apply({
      isWanted: isOn && service?.isIgnored === false && isWished,
      hosts: serversOf(this.#properties),
      transport: transport === service ? undefined : transport,
      tunnel: tunnel?.setup && device && { server: tunnel.setup.server, ifindex: device.ifindex },
    }, isBeginning);
  }

  /** A property that is a text; empty where there is none. */
  #text(name: string): string {
    return this.#properties.get(name)?.as('s') ?? '';
  }
}

function isNamed(error: unknown, code: string): boolean {
  return error instanceof DBusError && error.name === `net.connman.Error.${code}`;
}
