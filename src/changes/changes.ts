/**
 * What happened on this host's links, as one stream for those who keep a log of it and those who
 * run scripts. Each change is a flat record in D-Bus's spelling, the same in JSON. Knows no bus.
 * Invariant: texts from the network are short, and no value is a secret.
 */

import type { Service } from '../service/service.ts';
import type { Services } from '../service/services.ts';
import type { Clock } from '../shared/clock.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import type { Leisure } from '../shared/leisure.ts';
import type { Scope } from '../shared/scope.ts';
import type { Technologies } from '../technology/technologies.ts';

/** What can happen. */
export type ChangeKind =
  /** A service's state, with `Type` and `Before`; of a VPN. */
  | 'state' | 'vpn'
  | 'error' | 'default' | 'connectivity' | 'lease' | 'technology' | 'hostname'
  /** An online check that ended unlike the one before. */
  | 'check'
  /** Somebody changed a setting, or a file did. */
  | 'configuration'
  /** Somebody asked for something else, such as a connection. */
  | 'request';

/** What is told of a change, by name. */
export type ChangeValues = Readonly<Record<string, string | number | boolean | undefined>>;

/** One change. */
export interface Change {
  readonly kind: ChangeKind;
  readonly at: Date;
  /** Those that are undefined are not told. */
  readonly values: ChangeValues;
}

/** What changes are taken from. */
export interface ChangesEnv {
  readonly clock: Pick<Clock, 'wallTime'>;
  readonly leisure: Leisure;
  readonly services: Services;
  readonly technologies: Technologies;
}

/** The stream. */
export class Changes {
  readonly #happened = new Emitter<Change>();
  readonly #env: ChangesEnv;
  readonly #scope: Scope;

  /** Watches until `scope` closes. */
  constructor(env: ChangesEnv, scope: Scope) {
    this.#env = env;
    this.#scope = scope;
    const { services, technologies } = env;
    let before: Service | undefined;
    services.added.observe(scope, ({ service, scope: itsScope }) => this.#watch(service, itsScope));
    services.defaultChanged.observe(scope, (service) => {
      this.report('default', { ...(service && nameOf(service)), Before: before?.identifier });
      before = service;
    });
    services.connectivityChanged.observe(scope, (State) => this.report('connectivity', { State }));
    technologies.added.observe(scope, ({ technology, scope: itsScope }) => {
      technology.changed.observe(itsScope, (aspect) => {
        if (aspect !== 'powered') return;
        this.report('technology', { Technology: technology.type, Powered: technology.isPowered });
      });
    });
  }

  /** Emits every change. */
  get happened(): Observable<Change> {
    return this.#happened;
  }

  /** Adds one to the stream, at leisure and in order; texts are cut where they are long. */
  report(kind: ChangeKind, values: ChangeValues): void {
    const at = this.#env.clock.wallTime();
    this.#env.leisure.do(this.#scope, () => this.#tell(kind, at, values));
  }

  #tell(kind: ChangeKind, at: Date, values: ChangeValues): void {
    const bounded = Object.entries(values).map(([key, value]) => {
      const isLong = typeof value === 'string' && value.length > LONGEST;
      return [key, isLong ? `${value.slice(0, LONGEST)}…` : value] as const;
    });
    this.#happened.emit({ kind, at, values: Object.fromEntries(bounded) });
  }

  #watch(service: Service, scope: Scope): void {
    service.stateChanged.observe(scope, ({ before, after }) => {
      const values = { ...nameOf(service), State: after, Before: before };
      this.report(service.type === 'vpn' ? 'vpn' : 'state', values);
    });
    let error: string | undefined;
    service.changed.observe(scope, (aspects) => {
      if (aspects.includes('immutable')) this.#reportFile(service);
      if (!aspects.includes('error') || service.error === error) return;
      error = service.error;
      if (error !== undefined) this.report('error', { ...nameOf(service), Error: error });
    });
    this.#watchLeases(service, scope);
    this.#watchChecks(service, scope);
  }

  #reportFile(service: Service): void {
    const { provisioned } = service;
    const By = provisioned === undefined ? 'file gone' : `file ${provisioned.file}.config`;
    this.report('configuration', { ...nameOf(service), What: 'provisioning', By });
  }

  #watchLeases(service: Service, scope: Scope): void {
    let { lease: dhcp4, lease6: dhcp6 } = service.inUse;
    service.leased.observe(scope, () => {
      const { lease, lease6 } = service.inUse;
      if (lease !== dhcp4) {
        const addresses = [dhcp4?.address, lease?.address].map((address) => address?.toString());
        dhcp4 = lease;
        this.#reportLease(service, 'ipv4', addresses, dhcp4?.leaseSec);
      }
      if (lease6 !== dhcp6) {
        const addresses = [dhcp6, lease6].map((each) => each && each.addresses.map(addressOf).join(' '));
        dhcp6 = lease6;
        this.#reportLease(service, 'ipv6', addresses);
      }
    });
  }

  // oxlint-disable-next-line max-params -- whose lease, and what of it
  #reportLease(service: Service, Family: string, addresses: readonly (string | undefined)[], seconds?: number): void {
    const [before, after] = addresses;
    const change = before === after ? 'prolonged' : 'changed';
    const Event = after === undefined ? 'gone' : before === undefined ? 'new' : change;
    const Seconds = seconds === Infinity ? undefined : seconds;
    this.report('lease', { ...nameOf(service), Family, Event, Address: after ?? before, Seconds });
  }

  #watchChecks(service: Service, scope: Scope): void {
    let before = '';
    service.checked.observe(scope, () => {
      const { lastCheck: check } = service.inUse;
      if (check === undefined) return void (before = '');
      const { outcome, standing, url } = check;
      const failure = outcome.kind === 'failed' ? { Reason: outcome.reason, Detail: outcome.detail } : undefined;
      const portal = outcome.kind === 'portal' ? { Portal: outcome.url } : undefined;
      const told = { Standing: standing, Outcome: outcome.kind, URL: url, ...failure, ...portal };
      const text = JSON.stringify(told);
      if (text !== before) this.report('check', { ...nameOf(service), ...told });
      before = text;
    });
  }
}

/** Of any one value, in characters. */
const LONGEST = 300;

function nameOf({ identifier, name, type, network }: Service): ChangeValues {
  return { Service: identifier, Name: name, Type: type, Interface: network.device.interfaceName };
}

function addressOf({ address }: { readonly address: object }): string {
  return String(address);
}
