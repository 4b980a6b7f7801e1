/**
 * The list of all services, always in order: the first, if connected, is the default. Makes a
 * service for every network, connects what connects by itself, and keeps the default's routes and
 * name servers in front. Knows no bus; src/service/dbus.ts and src/manager watch it.
 */

import type { Device } from '../device.ts';
import type { Mptcp } from '../mptcp.ts';
import type { Explain } from '../explain.ts';
import { IDLE } from '../ipconfig/ipv6-links.ts';
import type { StopMode } from '../ipconfig/session.ts';
import type { Network, NetworkAppearance } from '../network.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { Technologies } from '../technology/technologies.ts';
import { isServiceType, isWired, type ServiceType } from '../types.ts';
import type { ServiceAspect } from './aspects.ts';
import { chooseAutoconnect } from './autoconnect.ts';
import { compareServices } from './order.ts';
import type { OwnChoices } from './own-choices.ts';
import type { OwnSettings } from './own-settings.ts';
import { reloadService, restoreService } from './reload.ts';
import { retryService } from './retry.ts';
import { Service } from './service.ts';
import type { ServiceEnv } from './service-env.ts';
import { isConnected, isConnecting, type StateChange } from './state.ts';
import { type StoredNetwork, storedNetworks } from './stored-services.ts';

const log = logger('src/service/services.ts');

/** What all services together amount to. */
export type Connectivity = 'idle' | 'ready' | 'online';

/** All services. */
export class Services {
  readonly #env: Omit<ServiceEnv, 'others'>;
  readonly #technologies: Technologies;
  readonly #scope: Scope;
  readonly #list: Service[] = [];
  readonly #byIdentifier = new Map<string, Service>();
  /** Networks whose identifier another service has. */
  readonly #waiting = new Set<{ readonly identifier: string; add(): void }>();
  readonly #scopes = new Map<Service, Scope>();
  readonly #added = new Emitter<{ service: Service; scope: Scope }>();
  readonly #removed = new Emitter<Service>();
  readonly #reordered = new Emitter<void>();
  readonly #connectivityChanged = new Emitter<Connectivity>();
  readonly #defaultChanged = new Emitter<Service | undefined>();
  /** PreferredTechnologies. */
  readonly preferred: readonly ServiceType[];
  readonly #always: readonly ServiceType[];
  readonly #counts = { connected: 0, online: 0 };
  #default: Service | undefined;
  /** Whose routes and name servers come first: the default, or a VPN on top of it. */
  #first: Service | undefined;
  #isAutoconnectDue = false;
  #leaveMode: StopMode = 'withdraw';
  #isStopping = false;

  constructor(env: Omit<ServiceEnv, 'others'>, technologies: Technologies, scope: Scope) {
    this.#env = env;
    this.#technologies = technologies;
    this.#scope = scope;
    this.preferred = env.options.PreferredTechnologies.filter(isServiceType);
    this.#always = env.options.AlwaysConnectedTechnologies.filter(isServiceType);
    env.choices.changed.observe(scope, (identifier) => this.#applyChoices(identifier));
    env.ownSettings.reloaded.observe(scope, () => env.choices.changed.emit(undefined));
    technologies.deviceAdded.observe(scope, (device) => this.follow(device));
  }

  /** In order, best first. */
  get list(): readonly Service[] {
    return this.#list;
  }

  /** Why things are as they are. */
  get explain(): Explain {
    return this.#env.explain;
  }

  /** Their addresses as endpoints of MPTCP. */
  get mptcp(): Mptcp {
    return this.#env.mptcp;
  }

  /** What was chosen of services that ConnMan has no word for. */
  get choices(): OwnChoices {
    return this.#env.choices;
  }

  /** What is set of services and ConnMan has no key for. */
  get ownSettings(): OwnSettings {
    return this.#env.ownSettings;
  }

  get(identifier: string): Service | undefined {
    return this.#byIdentifier.get(identifier);
  }

  /** The service that everything leaves by in the end; never a VPN. */
  get default(): Service | undefined {
    return this.#default;
  }

  get connectivity(): Connectivity {
    if (this.#counts.online > 0) return 'online';
    return this.#counts.connected > 0 ? 'ready' : 'idle';
  }

  /** Emits a service with the scope that closes when it goes. */
  get added(): Observable<{ service: Service; scope: Scope }> {
    return this.#added;
  }

  get removed(): Observable<Service> {
    return this.#removed;
  }

  /** Emits when the list was sorted anew; the order may be the same. */
  get reordered(): Observable<void> {
    return this.#reordered;
  }

  /** Emits the new default service, or undefined where none is connected. */
  get defaultChanged(): Observable<Service | undefined> {
    return this.#defaultChanged;
  }

  get connectivityChanged(): Observable<Connectivity> {
    return this.#connectivityChanged;
  }

  /** Whether the daemon stops and leaves addresses and routes as they are. */
  get isKeepingTraffic(): boolean {
    return this.#leaveMode === 'keep';
  }

  /** The daemon stops: every service goes as when it is disconnected, its addresses as `mode` says. */
  async takeLeave(mode: StopMode): Promise<void> {
    this.#leaveMode = mode;
    this.#isStopping = true;
    for (const service of [...this.#list]) {
      service.leave(mode);
      await this.#scopes.get(service)?.close();
    }
  }

  /** Takes over what others have written to the services' settings. */
  reload(): void {
    this.#env.ownSettings.reload();
    for (const service of [...this.#list]) reloadService(service, this.#env.storage);
  }

  /**
   * Puts what is configured for an interface into the kernel again. Throws NotFound where no service is
   * on it, NotConnected where none of them is connected.
   */
  reapply(interfaceName: string): void {
    const there = this.#list.filter(({ network }) => network.device.interfaceName === interfaceName);
    if (there.length === 0) throw new ConnmanError('NotFound');
    const connected = there.find(({ state }) => isConnected(state));
    if (connected === undefined) throw new ConnmanError('NotConnected');
    connected.upkeep?.reapply();
    this.#env.resolver.reapply();
  }

  /** All that is stored is as it was at another time. */
  restore(): void {
    for (const service of [...this.#list]) restoreService(service);
  }

  /** The machine slept: leases and links are looked at again. */
  wake(): void {
    for (const service of this.#list) service.upkeep?.wake();
  }

  /** Other time servers are in force for all services. */
  updateTimeservers(): void {
    for (const service of this.#list) service.changed.emit(['timeservers']);
  }

  /**
   * Moves `service` next to `target`. Throws NotSupported unless `service` is a favorite, and
   * InvalidService where `target` is unknown, the same, or no favorite.
   */
  move(service: Service, where: 'before' | 'after', target: Service | undefined): void {
    if (!service.isFavorite) throw new ConnmanError('NotSupported');
    if (target === undefined || target === service || !target.isFavorite) throw new ConnmanError('InvalidService');
    const [front, back] = where === 'before' ? [service, target] : [target, service];
    splitAsMoved(front, back);
    this.#list.splice(this.#list.indexOf(service), 1);
    this.#list.splice(this.#list.indexOf(target) + (where === 'after' ? 1 : 0), 0, service);
    service.record.touch();
    service.record.save();
    this.#updateDefault();
    this.#reordered.emit();
  }

  /**
   * For one that has come, or that was decided about: a cable is connected at once, everything else at the end of
   * this turn, if it should be connected by itself.
   */
  considerAutoconnect(service: Service): void {
    const isCable = isWired(service.type);
    // Nobody wants this cable: the kernel is not to make addresses of what its routers say.
    const isUnwanted = isCable && !service.isAutoconnect && service.state === 'idle';
    if (isUnwanted) this.#env.ipv6Links.set(service.network.device.interfaceName, IDLE);
    if (isCable && service.isAutoconnect) this.#autoconnect(service);
    else this.scheduleAutoconnect();
  }

  /** Connects, at the end of this turn, what should be connected by itself. */
  scheduleAutoconnect(): void {
    if (this.#isAutoconnectDue || this.#isStopping || this.#scope.isClosed) return;
    this.#isAutoconnectDue = true;
    queueMicrotask(() => {
      this.#isAutoconnectDue = false;
      const options = { preferredTechnologies: this.preferred, alwaysConnectedTechnologies: this.#always };
      // Who connects counts as such also while clients do not see it.
      const coming = this.#list.filter(({ state }) => isConnecting(state));
      const list = [...coming, ...this.#list.filter((each) => !coming.includes(each))];
      for (const service of chooseAutoconnect(list, options)) this.#autoconnect(service);
    });
  }

  /** For services: leaves what else the device of `service` is in, or is about to be. */
  makeRoom(service: Service): void {
    for (const other of [...this.#list]) {
      if (other !== service && other.network.device === service.network.device) other.leave('release');
    }
  }

  /** Has `service` take its place again; the list is in order but for it. */
  reorder(service: Service): void {
    // Where it still fits between its neighbours nothing moves.
    const compare = (one: Service, other: Service): number => this.#compare(one, other);
    const at = this.#list.indexOf(service);
    const [above, below] = [this.#list[at - 1], this.#list[at + 1]];
    const fits =
      (above === undefined || compare(above, service) <= 0) && (below === undefined || compare(service, below) <= 0);
    if (!fits) this.#list.sort(compare);
    if (this.#list.length > 1) this.#reordered.emit();
  }

  /** The service of a network. */
  of(network: Network): Service | undefined {
    return this.#list.find((service) => service.network === network);
  }

  /** What is stored of the networks of a device. */
  stored(device: Device): readonly StoredNetwork[] {
    return storedNetworks(this.#env.storage, `${device.type}_${device.ident}_`);
  }

  /** Makes services of a device's networks: for technologies and providers. */
  follow(device: Device): void {
    const { type } = device;
    if (!isServiceType(type)) return;
    device.networkAppeared.observe(device.scope, (appearance) => this.#add(type, appearance));
    device.poweredChanged.observe(device.scope, () => this.scheduleAutoconnect());
    device.scope.defer(() => {
      if (!this.isKeepingTraffic) this.#env.ipv6Links.restore(device.interfaceName);
    });
    device.aboutToDisable.observe(device.scope, () => {
      for (const service of this.#list.filter(({ network }) => network.device === device)) service.leave('release');
    });
  }

  #add(type: ServiceType, appearance: NetworkAppearance): void {
    // Not a child of the network's scope: the service takes its leave, seen by all, before it closes.
    const scope = this.#scope.child();
    const service = new Service(type, appearance.network, { ...this.#env, others: this }, scope);
    if (this.#byIdentifier.has(service.identifier)) {
      void scope.close();
      this.#wait(service.identifier, type, appearance);
      return;
    }
    this.#byIdentifier.set(service.identifier, service);
    this.#scopes.set(service, scope);
    this.#list.push(service);
    scope.defer(() => this.#remove(service));
    retryService(service, this.#env, scope);
    this.#added.emit({ service, scope });
    service.stateChanged.observe(scope, (change) => this.#onState(service, change));
    service.changed.observe(scope, (aspects) => {
      if (aspects.some((aspect) => ORDERING_ASPECTS.has(aspect))) this.#reconsider(service);
      if (aspects.some((aspect) => AUTOCONNECT_ASPECTS.has(aspect))) this.scheduleAutoconnect();
    });
    appearance.scope.defer(() => {
      service.leave(this.#leaveMode);
      return scope.close();
    });
    this.reorder(service);
    this.considerAutoconnect(service);
  }

  // Two interfaces with one hardware address, or a cable that is back before the service has closed.
  #wait(identifier: string, type: ServiceType, appearance: NetworkAppearance): void {
    log.warn('%s: %s exists already', appearance.network.device.interfaceName, identifier);
    const waiting = { identifier, add: () => this.#add(type, appearance) };
    this.#waiting.add(waiting);
    appearance.scope.defer(() => void this.#waiting.delete(waiting));
  }

  #reconsider(service: Service): void {
    this.reorder(service);
    this.#updateDefault();
  }

  #remove(service: Service): void {
    this.#byIdentifier.delete(service.identifier);
    this.#scopes.delete(service);
    this.#list.splice(this.#list.indexOf(service), 1);
    this.#removed.emit(service);
    for (const next of this.#waiting) {
      if (next.identifier !== service.identifier || this.#isStopping) continue;
      this.#waiting.delete(next);
      next.add();
      break;
    }
    this.scheduleAutoconnect();
  }

  #autoconnect(service: Service): void {
    service.connect('auto').catch((error: unknown) => {
      log.debug('%s: autoconnect: %s', service.identifier, messageOf(error));
    });
  }

  #onState(service: Service, { before, after, isShown }: StateChange): void {
    const connected = Number(isConnected(after)) - Number(isConnected(before));
    const connectivity = this.connectivity;
    const { type } = service.network.device;
    this.#counts.connected += type === 'vpn' ? 0 : connected;
    this.#counts.online += Number(after === 'online') - Number(before === 'online');
    if (connected !== 0 && type !== 'vpn') this.#technologies.get(type)?.countConnected(connected > 0 ? 1 : -1);
    if (connectivity !== this.connectivity) this.#connectivityChanged.emit(this.connectivity);
    if (isShown) this.#reconsider(service);
    const isSingle = this.#env.options.SingleConnectedTechnology && type !== 'vpn';
    if (connected > 0 && isSingle) this.#disconnectOthers(service);
    if (after === 'idle' || after === 'disconnect' || after === 'failure') this.scheduleAutoconnect();
  }

  #disconnectOthers(kept: Service): void {
    for (const other of [...this.#list]) {
      if (other !== kept && other.tunnel === undefined && isConnected(other.state)) other.leave('release');
    }
  }

  // What may not be the default comes after all that may.
  #compare(one: Service, other: Service): number {
    const { choices } = this.#env;
    const areConnected = isConnected(one.state) && isConnected(other.state);
    const never = areConnected ? Number(choices.isNeverDefault(one)) - Number(choices.isNeverDefault(other)) : 0;
    return never || compareServices(one, other, this.preferred);
  }

  #applyChoices(identifier: string | undefined): void {
    for (const service of [...this.#list]) {
      if (identifier !== undefined && service.identifier !== identifier) continue;
      this.#reconsider(service);
      service.upkeep?.updateServers();
    }
  }

  #updateDefault(): void {
    // The head, but for one that a user moved there while it was not connected.
    const { choices } = this.#env;
    const connected = this.#list.filter((each) => isConnected(each.state) && !choices.isNeverDefault(each));
    this.#leadTraffic(connected[0]);
    const next = connected.find(({ tunnel }) => tunnel === undefined);
    const before = this.#default;
    if (next === before) return;
    this.#default = next;
    before?.setDefault(false);
    next?.setDefault(true);
    this.#defaultChanged.emit(next);
  }

  // Into the tunnel where there is one for all traffic. While the daemon stops, the routes stay where they are.
  #leadTraffic(first: Service | undefined): void {
    if (first === this.#first || this.isKeepingTraffic) return;
    this.#first = first;
    void this.#env.gateways
      .setDefault(first?.identifier)
      .catch((error: unknown) => log.error('default route: %s', error));
    this.#env.resolver.setDefault(first?.network.device.ifindex);
  }
}

// As ConnMan: a VPN behind another service takes what it has routes for, before it everything.
function splitAsMoved(front: Service, back: Service): void {
  if (back.tunnel !== undefined && front.tunnel === undefined) {
    if (back.tunnel.setup?.routes.length === 0) throw new ConnmanError('InvalidService');
    back.tunnel.setSplitRouting(true);
  }
  if (front.tunnel !== undefined && back.tunnel === undefined) front.tunnel.setSplitRouting(false);
}

/** What the order depends on, besides the state. */
const ORDERING_ASPECTS: ReadonlySet<ServiceAspect> = new Set(['strength', 'favorite', 'error', 'provider']);

/** What decides, besides the state, whether a service connects by itself. */
const AUTOCONNECT_ASPECTS: ReadonlySet<ServiceAspect> = new Set([
  'favorite',
  'autoconnect',
  'ipv4Configuration',
  'ipv6Configuration',
]);
