/**
 * One Wi-Fi device over iwd. The core decides what is connected, as over wpa_supplicant: iwd is
 * kept from connecting by itself, and asked for each network in turn.
 */

import type { Core, Device, DeviceControl, JoinContext, Network, NetworkControl, Scope } from '../../src/api.ts';
import { JoinError } from '../../src/api.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import {
  iwdDeviceInterface, iwdKnownNetworkInterface, iwdNetworkInterface, iwdStationInterface,
} from '../../src/dbus/interfaces/iwd.ts';
import { variant } from '../../src/dbus/signature.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { findSecrets } from '../lib/wifi/find-secrets.ts';
import type { Security } from '../lib/wifi/security.ts';
import { ssidText } from '../lib/wifi/ssid.ts';
import { escapeText } from '../../src/shared/stored-text.ts';
import type { IwdObjects } from './objects.ts';

const log = logger('plugins/iwd/radio.ts');

const STORED_KEYS = ['SSID', 'Passphrase', 'Hidden'] as const;
const SECRET_KEYS = ['Passphrase', 'Hidden'] as const;
const SECURITIES: ReadonlyMap<string, Security> = new Map([['open', 'none'], ['psk', 'psk'], ['8021x', 'ieee8021x']]);

/** What radios take from the plugin. */
export interface IwdEnv {
  readonly core: Core;
  readonly objects: IwdObjects;
  /** What iwd's agent answers, by the path of the network. */
  readonly passphrases: Map<string, string>;
}

/** Takes charge of a device until `scope` closes. */
export function attachIwdRadio(env: IwdEnv, device: Device, scope: Scope): DeviceControl {
  let life: { readonly radio: IwdRadio; readonly scope: Scope } | undefined;
  return {
    async enable(signal) {
      const path = await findDevice(env.objects, device.interfaceName, signal, scope);
      if (env.objects.get(path, iwdDeviceInterface)?.get('Powered')?.value !== true) {
        await env.objects.set(path, iwdDeviceInterface, 'Powered', variant('b', true));
      }
      const own = scope.child();
      life = { radio: new IwdRadio(env, device, path, own), scope: own };
      life.radio.start();
    },
    async disable() {
      const path = life?.radio.path;
      await life?.scope.close();
      life = undefined;
      if (path !== undefined) await env.objects.set(path, iwdDeviceInterface, 'Powered', variant('b', false));
    },
    async scan(signal) {
      if (life === undefined) throw new ConnmanError('NoCarrier');
      await life.radio.scan(signal);
    },
  };
}

// iwd makes its interfaces anew when it starts, and tells of them later than the kernel.
async function findDevice(objects: IwdObjects, name: string, signal: AbortSignal, scope: Scope): Promise<string> {
  const find = (): string | undefined => objects.with(iwdDeviceInterface)
    .find((path) => objects.get(path, iwdDeviceInterface)?.get('Name')?.value === name);
  const limits = scope.child();
  try {
    return find() ?? await new Promise<string>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      objects.changed.observe(limits, () => {
        const path = find();
        if (path !== undefined) resolve(path);
      });
    });
  } finally {
    await limits.close();
  }
}

/** A powered device. */
class IwdRadio {
  readonly path: string;
  readonly #env: IwdEnv;
  readonly #device: Device;
  readonly #scope: Scope;
  readonly #networks = new Map<string, { readonly network: Network; readonly scope: Scope }>();
  #scanEnd: { readonly done: Promise<void>; resolve(): void } | undefined;
  /** The path of the network that is joined. */
  #joined: string | undefined;
  #isScanning = false;

  constructor(env: IwdEnv, device: Device, path: string, scope: Scope) {
    this.path = path;
    this.#env = env;
    this.#device = device;
    this.#scope = scope;
    env.objects.changed.observe(scope, (change) => this.#follow(change.path, change.interface));
    for (const known of env.objects.with(iwdKnownNetworkInterface)) this.#forbid(known);
  }

  /** Shows what iwd knows and looks for more; returns without waiting for it. */
  start(): void {
    void this.#update();
    this.#station.Scan().catch((error: unknown) => log.debug('%s: %s', this.path, error));
  }

  /** Resolves when the results are in. Rejects with Failed where iwd refuses, or the reason of `signal`. */
  async scan(signal: AbortSignal): Promise<void> {
    let resolve = (): void => undefined;
    const done = new Promise<void>((settle) => (resolve = settle));
    this.#scanEnd ??= { done, resolve };
    const { done: end } = this.#scanEnd;
    try {
      await this.#station.Scan({}, { signal });
    } catch (error) {
      signal.throwIfAborted();
      const isRunning = error instanceof DBusError && error.name.endsWith('.InProgress');
      if (!isRunning) throw new ConnmanError('Failed', undefined, { cause: error });
    }
    await Promise.race([end, new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    })]);
  }

  get #station() {
    return this.#env.objects.proxy(iwdStationInterface, this.path);
  }

  #follow(path: string, interfaceName: string): void {
    if (interfaceName === iwdKnownNetworkInterface.name) return this.#forbid(path);
    if (path !== this.path || interfaceName !== iwdStationInterface.name) return;
    const station = this.#env.objects.get(path, iwdStationInterface);
    const isScanning = station?.get('Scanning')?.as('b') ?? false;
    if (this.#isScanning && !isScanning) void this.#update();
    this.#isScanning = isScanning;
    const state = station?.get('State')?.as('s');
    if (this.#joined === undefined || (state !== 'disconnected' && state !== undefined)) return;
    const lost = this.#networks.get(this.#joined)?.network;
    this.#joined = undefined;
    lost?.reportLost();
  }

  // What is connected is decided here, not there.
  #forbid(path: string): void {
    const { objects } = this.#env;
    if (objects.get(path, iwdKnownNetworkInterface)?.get('AutoConnect')?.value !== true) return;
    objects.set(path, iwdKnownNetworkInterface, 'AutoConnect', variant('b', false))
      .catch((error: unknown) => log.debug('%s: %s', path, error));
  }

  async #update(): Promise<void> {
    try {
      const heard = await this.#station.GetOrderedNetworks();
      if (!this.#scope.signal.aborted) this.#show(new Map(heard));
    } catch (error) {
      log.debug('%s: %s', this.path, error instanceof Error ? error.message : error);
    }
    this.#scanEnd?.resolve();
    this.#scanEnd = undefined;
  }

  #show(heard: ReadonlyMap<string, number>): void {
    for (const [path, { scope }] of this.#networks) {
      if (heard.has(path) || path === this.#joined) continue;
      this.#networks.delete(path);
      void scope.close();
    }
    for (const [path, centiDbm] of heard) {
      const network = this.#networks.get(path)?.network ?? this.#add(path);
      network?.setStrength(Math.max(0, Math.min(100, 120 + Math.round(centiDbm / 100))));
    }
    this.#env.core.services.scheduleAutoconnect();
  }

  // The path ends in the name in hex digits and the type: .../3/686f6d65_psk.
  #add(path: string): Network | undefined {
    const [, hex = '', type = ''] = /\/([0-9a-f]{2,64})_([a-z0-9]+)$/.exec(path) ?? [];
    const security = SECURITIES.get(type);
    if (security === undefined || hex.length % 2 === 1) return undefined;
    const group = `${hex}_managed_${security}`;
    const scope = this.#scope.child();
    const network = this.#device.addNetwork({
      identifier: group, group, name: ssidText(Buffer.from(hex, 'hex')), security: [security],
      storedKeys: STORED_KEYS, secretKeys: SECRET_KEYS, isRetried: true, control: this.#controlOf(path, hex, security),
    }, scope);
    this.#networks.set(path, { network, scope });
    return network;
  }

  #controlOf(path: string, ssid: string, security: Security): NetworkControl {
    return {
      connect: async (signal, context) => {
        const sources = { context, env: this.#env.core };
        const found = await findSecrets({ security, hasWps: false, isWpsOpen: false }, sources, signal);
        const passphrase = found.kind === 'secrets' ? found.secrets.passphrase : undefined;
        await this.#join(path, passphrase, context, signal);
        context.store({
          SSID: ssid,
          ...(passphrase !== undefined && context.provisioned?.Passphrase === undefined && {
            Passphrase: escapeText(passphrase),
          }),
        });
      },
      disconnect: () => this.#leave(path),
    };
  }

  async #join(path: string, passphrase: string | undefined, context: JoinContext, signal: AbortSignal): Promise<void> {
    const { objects, passphrases } = this.#env;
    const isProven = context.isFavorite && context.lastFailure !== 'invalid-key' && context.answered === undefined;
    const known = objects.get(path, iwdNetworkInterface)?.get('KnownNetwork')?.as('o');
    // What iwd keeps is of another user, or was refused: it is to ask.
    if (known !== undefined && !isProven) {
      await objects.proxy(iwdKnownNetworkInterface, known).Forget().catch(() => undefined);
    }
    if (passphrase !== undefined) passphrases.set(path, passphrase);
    try {
      await objects.proxy(iwdNetworkInterface, path).Connect({}, { signal, timeoutMs: Number.POSITIVE_INFINITY });
      this.#joined = path;
    } catch (error) {
      if (signal.aborted) await this.#station.Disconnect().catch(() => undefined);
      signal.throwIfAborted();
      throw this.#meaningOf(error, passphrase !== undefined && !isProven);
    } finally {
      passphrases.delete(path);
    }
  }

  // iwd does not tell a wrong key from an access point that went silent; one that has worked is not the cause.
  #meaningOf(error: unknown, isUnproven: boolean): JoinError {
    const isRefused = error instanceof DBusError && /\.iwd\.(Failed|InvalidFormat)$/.test(error.name);
    const isKey = isRefused && isUnproven && !this.#env.core.options.IgnoreInvalidKey;
    return new JoinError(isKey ? 'invalid-key' : 'connect-failed', { cause: error });
  }

  async #leave(path: string): Promise<void> {
    if (this.#joined !== path) return;
    this.#joined = undefined;
    await this.#station.Disconnect().catch((error: unknown) => log.debug('%s: %s', path, error));
  }
}
