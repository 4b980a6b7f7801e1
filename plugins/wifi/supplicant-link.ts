/**
 * One interface in wpa_supplicant's care: its state as last told, what it hears, and what may be
 * asked of it. Properties arrive in part and are kept whole here; observers see typed values only.
 */

import type { Bus } from '../../src/dbus/bus.ts';
import type { Proxy } from '../../src/dbus/interface.ts';
import { propertiesInterface } from '../../src/dbus/interfaces/freedesktop.ts';
import {
  supplicantBssInterface, supplicantLinkInterface, supplicantWpsInterface,
} from '../../src/dbus/interfaces/wpa-supplicant.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import { Emitter, type Observable } from '../../src/shared/emitter.ts';
import { ConnmanError, messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { type Bss, parseBss, type Properties } from './bss.ts';
import type { SupplicantState } from './join-outcome.ts';

const log = logger('plugins/wifi/supplicant-link.ts');

const SUPPLICANT = 'fi.w1.wpa_supplicant1';
/** What the supplicant says while it has no access point. */
const NO_BSS = '/';
/** Values of `ap_scan` and `sae_pwe` (wpa_supplicant.conf(5)). */
const MAKES_ACCESS_POINTS = 2;
const BOTH_WAYS = '2';
/** wpa_supplicant forgets an access point it has not heard for so long; ten seconds past the slowest scan. */
const BSS_EXPIRE_AGE_S = 310;

/** A signal of wpa_supplicant's, for one interface. */
export type LinkSignal =
  | { readonly kind: 'removed' }
  | { readonly kind: 'properties'; readonly properties: Properties }
  | { readonly kind: 'scanDone'; readonly isSuccess: boolean }
  | { readonly kind: 'bss'; readonly path: string; readonly properties: Properties }
  | { readonly kind: 'bssRemoved'; readonly path: string }
  | { readonly kind: 'station'; readonly address: string; readonly isThere: boolean }
  | { readonly kind: 'eap'; readonly status: string; readonly parameter: string }
  | { readonly kind: 'wpsCredentials'; readonly credentials: Properties }
  | { readonly kind: 'wpsEvent'; readonly name: string };

/** What observers learn. */
export type LinkEvent =
  | { readonly kind: 'removed' }
  | { readonly kind: 'state'; readonly state: SupplicantState }
  | { readonly kind: 'currentBss' }
  | { readonly kind: 'scanDone'; readonly isSuccess: boolean }
  /** An access point as it is now; undefined when it is gone or none of ours. */
  | { readonly kind: 'bss'; readonly path: string; readonly bss: Bss | undefined }
  | Extract<LinkSignal, { kind: 'station' | 'eap' | 'wpsCredentials' | 'wpsEvent' }>;

/** What the driver can do. */
export interface LinkCapabilities {
  readonly modes: readonly string[];
  /** How many names one scan may ask for; fewer than two count as none. */
  readonly maxScanSsids: number;
  /** Whether it can do SAE. */
  readonly hasSae: boolean;
}

/** The interface. */
export class SupplicantLink {
  readonly path: string;
  readonly #bus: Bus;
  readonly #proxy: Proxy<typeof supplicantLinkInterface>;
  readonly #events = new Emitter<LinkEvent>();
  readonly #properties = new Map<string, Variant>();
  readonly #bss = new Map<string, Map<string, Variant>>();

  constructor(bus: Bus, path: string) {
    this.path = path;
    this.#bus = bus;
    this.#proxy = bus.proxy(supplicantLinkInterface, SUPPLICANT, path);
  }

  get events(): Observable<LinkEvent> {
    return this.#events;
  }

  get state(): SupplicantState {
    const state = this.#properties.get('State')?.as('s') ?? 'unknown';
    return SUPPLICANT_STATES.find((each) => each === state) ?? 'unknown';
  }

  /** The object path of the access point in use. */
  get currentBss(): string | undefined {
    const path = this.#properties.get('CurrentBSS')?.as('o');
    return path === NO_BSS ? undefined : path;
  }

  /** The object path of the network block in use. */
  get currentNetwork(): string | undefined {
    const path = this.#properties.get('CurrentNetwork')?.as('o');
    return path === NO_BSS ? undefined : path;
  }

  get isScanning(): boolean {
    return this.#properties.get('Scanning')?.as('b') ?? false;
  }

  /** Why it was disconnected last; negative where we left ourselves. */
  get disconnectReason(): number {
    return this.#properties.get('DisconnectReason')?.as('i') ?? 0;
  }

  get associationStatus(): number {
    return this.#properties.get('AssocStatusCode')?.as('i') ?? 0;
  }

  get authenticationStatus(): number {
    return this.#properties.get('AuthStatusCode')?.as('i') ?? 0;
  }

  get capabilities(): LinkCapabilities {
    const all = this.#properties.get('Capabilities')?.as('a{sv}');
    const max = all?.get('MaxScanSSID')?.as('i') ?? 0;
    return {
      modes: all?.get('Modes')?.as('as') ?? [],
      maxScanSsids: max < 2 ? 0 : max,
      hasSae: all?.get('KeyMgmt')?.as('as')?.includes('sae') ?? false,
    };
  }

  /** Reads everything anew. Rejects when the interface is gone. */
  async load(): Promise<void> {
    const properties = await this.#getAll(this.path, supplicantLinkInterface.name);
    this.#takeProperties(properties);
    await Promise.all([
      this.#loadBss(properties.get('BSSs')), this.#prepareWps(), this.#prepareSae(),
      this.#set('BSSExpireAge', variant('u', BSS_EXPIRE_AGE_S)),
    ]);
  }

  /**
   * Begins a scan; `scanDone` follows. Rejects with InProgress where one is running (its `scanDone`
   * follows all the same), or Failed with what the supplicant says.
   */
  async scan(args: Properties): Promise<void> {
    try {
      await this.#proxy.Scan({ args });
    } catch (error) {
      const text = messageOf(error);
      const isBusy = error instanceof Error && error.name.endsWith('.ScanError') && /reject|progress/i.test(text);
      throw new ConnmanError(isBusy || this.isScanning ? 'InProgress' : 'Failed', undefined, { cause: error });
    }
  }

  /**
   * Ends a scan, whoever began it; its `scanDone` follows. Whether that is so: the driver may not know how, and
   * there may be none any more. Never rejects.
   */
  abortScan(): Promise<boolean> {
    return this.#proxy.AbortScan().then(() => true, (error: unknown) => {
      log.debug('%s: %s', this.path, messageOf(error));
      return false;
    });
  }

  /** Adds a network block; resolves with its path. */
  add(block: Properties): Promise<string> {
    return this.#proxy.AddNetwork({ args: block });
  }

  /** Adds a network block and joins it; resolves as `add` and `select`. */
  async join(block: Properties): Promise<string> {
    const path = await this.add(block);
    await this.select(path);
    return path;
  }

  /** Joins the network of a block; resolves once that has begun. */
  async select(network: string): Promise<void> {
    await this.#proxy.SelectNetwork({ path: network });
  }

  /** Leaves, and drops a network block. Never rejects: what is gone is gone. */
  async leave(network: string | undefined): Promise<void> {
    const left = this.#proxy.Disconnect().catch((error: unknown) => log.debug('%s: %s', this.path, messageOf(error)));
    await Promise.all([left, network === undefined ? undefined : this.remove(network)]);
  }

  /** Drops a network block. Never rejects. */
  async remove(path: string): Promise<void> {
    const ignore = (error: unknown): void => log.debug('%s: %s', this.path, messageOf(error));
    await this.#proxy.RemoveNetwork({ path }).catch(ignore);
  }

  /** Joins again with what is set. */
  async reassociate(): Promise<void> {
    await this.#proxy.Reassociate();
  }

  /** ISO 3166 alpha-2. Rejects where the driver does not take it. */
  setCountry(country: string): Promise<void> {
    return this.#set('Country', variant('s', country));
  }

  /** Whether it is kept for an access point of ours. */
  get isAccessPoint(): boolean {
    return this.#properties.get('ApScan')?.as('u') === MAKES_ACCESS_POINTS;
  }

  /** Keeps it for an access point. */
  async becomeAccessPoint(): Promise<void> {
    await this.#set('ApScan', variant('u', MAKES_ACCESS_POINTS));
    await this.#prepareSae();
  }

  /** Starts WPS with an access point, which gives us credentials: by push button, or for a PIN of eight digits. */
  async startWps(pin: string | undefined, bssid: Uint8Array): Promise<void> {
    await this.#setOn(supplicantWpsInterface.name, 'ProcessCredentials', variant('b', true));
    await this.#bus.proxy(supplicantWpsInterface, SUPPLICANT, this.path).Start({
      args: new Map([
        ['Role', variant('s', 'enrollee')],
        ...(bssid.length === 6 ? [['Bssid', variant('ay', bssid)] as const] : []),
        ...(pin === undefined ? [] : [['Pin', variant('s', pin)] as const]),
        ['Type', variant('s', pin === undefined ? 'pbc' : 'pin')],
      ]),
    });
  }

  /** For `Supplicant`: a signal of this interface or of an access point it hears. */
  take(signal: LinkSignal): void {
    switch (signal.kind) {
      case 'properties':
        this.#takeProperties(signal.properties);
        return;
      case 'bss':
        this.#takeBss(signal.path, signal.properties);
        return;
      case 'bssRemoved':
        this.#bss.delete(signal.path);
        this.#events.emit({ kind: 'bss', path: signal.path, bss: undefined });
        return;
      case 'scanDone':
        void this.#finishScan(signal.isSuccess);
        return;
      case 'removed':
      case 'station':
      case 'eap':
      case 'wpsCredentials':
      case 'wpsEvent':
        this.#events.emit(signal);
        return;
    }
  }

  #takeProperties(properties: Properties): void {
    const [state, bss] = [this.state, this.currentBss];
    for (const [name, value] of properties) this.#properties.set(name, value);
    if (this.currentBss !== bss) this.#events.emit({ kind: 'currentBss' });
    if (this.state !== state) this.#events.emit({ kind: 'state', state: this.state });
  }

  #takeBss(path: string, changed: Properties): void {
    const properties = this.#bss.get(path) ?? new Map<string, Variant>();
    for (const [name, value] of changed) properties.set(name, value);
    this.#bss.set(path, properties);
    this.#events.emit({ kind: 'bss', path, bss: parseBss(path, properties) });
  }

  // A driver may drop signals while much is in the air; what the supplicant has is read after each scan.
  async #finishScan(isSuccess: boolean): Promise<void> {
    try {
      if (isSuccess) await this.#loadBss(await this.#get('BSSs'));
    } catch (error) {
      log.debug('%s: %s', this.path, messageOf(error));
    }
    this.#events.emit({ kind: 'scanDone', isSuccess });
  }

  async #loadBss(heard: Variant | undefined): Promise<void> {
    const paths = heard?.as('ao') ?? [];
    const unknown = paths.filter((path) => !this.#bss.has(path));
    await Promise.all(unknown.map(async (path) => {
      const bss = await this.#getAll(path, supplicantBssInterface.name).catch(() => undefined);
      if (bss !== undefined) this.#takeBss(path, bss);
    }));
    const known = new Set(paths);
    for (const path of [...this.#bss.keys()]) if (!known.has(path)) this.take({ kind: 'bssRemoved', path });
  }

  // Either way to a password element: access points that know hash-to-element alone are joined as well.
  async #prepareSae(): Promise<void> {
    try {
      await this.#set('SaePwe', variant('s', BOTH_WAYS));
    } catch (error) {
      log.debug('%s: %s', this.path, messageOf(error));
    }
  }

  // Without a method of WPS chosen wpa_supplicant offers none.
  async #prepareWps(): Promise<void> {
    try {
      const wps = await this.#getAll(this.path, supplicantWpsInterface.name);
      if (wps.get('ConfigMethods')?.as('s') !== '') return;
      await this.#setOn(supplicantWpsInterface.name, 'ConfigMethods', variant('s', 'push_button'));
    } catch (error) {
      log.debug('%s: no WPS: %s', this.path, messageOf(error));
    }
  }

  #set(name: string, value: Variant): Promise<void> {
    return this.#setOn(supplicantLinkInterface.name, name, value);
  }

  async #setOn(interfaceName: string, name: string, value: Variant): Promise<void> {
    const properties = this.#bus.proxy(propertiesInterface, SUPPLICANT, this.path);
    await properties.Set({ interface_name: interfaceName, property_name: name, value });
  }

  #get(name: string): Promise<Variant> {
    const properties = this.#bus.proxy(propertiesInterface, SUPPLICANT, this.path);
    return properties.Get({ interface_name: supplicantLinkInterface.name, property_name: name });
  }

  async #getAll(path: string, interfaceName: string): Promise<Properties> {
    return this.#bus.proxy(propertiesInterface, SUPPLICANT, path).GetAll({ interface_name: interfaceName });
  }
}

const SUPPLICANT_STATES: readonly SupplicantState[] = [
  'interface_disabled', 'inactive', 'disconnected', 'scanning', 'authenticating', 'associating', 'associated',
  '4way_handshake', 'group_handshake', 'completed', 'unknown',
];
