/**
 * One Wi-Fi network as the core sees it: what is needed to join is found (find-secrets.ts), tried,
 * and kept once it has worked.
 */

import type { JoinContext, NetworkControl } from '../../src/api.ts';
import { JoinError } from '../../src/api.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import { formatHex } from '../../src/shared/bytes.ts';
import { findSecrets, type Found, type SecretsEnv } from '../lib/wifi/find-secrets.ts';
import { addressPolicy, type AddressWish } from '../lib/wifi/own-address.ts';
import { isWithin, type Restriction, restrictionOf } from '../lib/wifi/preference.ts';
import type { Secrets } from '../lib/wifi/secrets.ts';
import { escapeText } from '../../src/shared/stored-text.ts';
import { bestOf, frameProtectionOf, keyManagementsOf } from './access-points.ts';
import type { Bss } from './bss.ts';
import type { Joiner, JoinMethod, WpsCredentials } from './joiner.ts';
import { stationBlock } from './network-block.ts';
import type { Refresh } from './scanner.ts';

/** ConnMan's keys of a Wi-Fi service. */
export const STORED_KEYS = ['SSID', 'Frequency', 'Passphrase', 'Hidden'] as const;

/** Those of them that prove who we are. */
export const SECRET_KEYS = ['Passphrase', 'Hidden'] as const;

/** What joining takes from the radio. */
export interface WifiNetworkEnv extends SecretsEnv {
  readonly joiner: Joiner;
  readonly options: {
    readonly BackgroundScanning: boolean;
    readonly IgnoreInvalidKey: boolean;
    readonly FavoriteMaxRetries: number;
    readonly MACAddressPolicy: 'permanent' | 'random';
  };
  /** The access points of the group now. */
  members(): ReadonlyMap<string, Bss>;
  onLost(): void;
  /** Has an access point of ours make way for a station on a frequency. */
  makeWay(frequencyMhz: number): Promise<void>;
  /** Has the supplicant hear access points of the network. */
  refresh(ssid: Uint8Array, frequenciesMhz: readonly number[]): Promise<Refresh>;
  /** Has the network know us by an address. */
  useAddress(wish: AddressWish): Promise<void>;
}

/** How the network of a group is joined and left. */
export function wifiControl(env: WifiNetworkEnv): NetworkControl {
  const owner: Owner = { refused: undefined };
  return {
    connect: (signal, context) => connect(env, owner, signal, context),
    asksFirst: true,
    disconnect: () => env.joiner.leave(owner),
    outlivesDaemon: true,
    reassociate: (signal) => env.joiner.reassociate(owner, signal),
  };
}

/** Whose a join is. */
interface Owner {
  /** The secret that was refused last, if it was one. */
  refused: string | undefined;
}

async function connect(
  env: WifiNetworkEnv, owner: Owner, signal: AbortSignal, context: JoinContext,
): Promise<void> {
  const members = env.members();
  const restriction = restrictionOf({ band: context.choice('Band'), bssid: context.choice('BSSID') }, [
    ...members.values(),
  ]);
  const liked = new Map([...members].filter(([, each]) => isWithin(restriction, each)));
  const bss = bestOf(liked);
  if (bss === undefined) throw new ConnmanError('NoCarrier');
  const { wps } = bss.elements;
  const isWpsOpen = wps !== undefined && wps.isConfigured && wps.hasPushButton && wps.isAdvertising;
  const door = { security: bss.security, hasWps: wps !== undefined, isWpsOpen };
  const found = await findSecrets(door, { context, env, refused: owner.refused }, signal);
  context.begin();
  const retries = env.options.FavoriteMaxRetries < 0 ? Number.POSITIVE_INFINITY : env.options.FavoriteMaxRetries;
  const isTrusted = context.isFavorite && context.lastFailure !== 'invalid-key';
  const request = {
    owner,
    method: methodFor(env, bss, found, restriction),
    prepare: async () => {
      await env.makeWay(bss.frequencyMhz);
      await env.useAddress({ policy: addressPolicy(env.options, context), ssid: bss.ssid });
    },
    refresh: () => env.refresh(bss.ssid, [...liked.values()].map(({ frequencyMhz }) => frequencyMhz)),
    maxKeyFailures: isTrusted ? Math.max(1, retries) : 1,
    maxHandshakes: isTrusted ? Math.max(1, retries) : undefined,
    isMember: (path: string) => env.members().has(path),
    isSecretProven: found.kind === 'wps' || found.secrets.eap?.method !== 'tls',
    onLost: () => env.onLost(),
  };
  try {
    keep(context, bss, found, await env.joiner.join(request, signal));
  } catch (error) {
    const isRefused = error instanceof JoinError && error.reason === 'invalid-key';
    owner.refused = isRefused && found.kind === 'secrets' ? found.secrets.passphrase : undefined;
    // Who has no key (OWE) cannot have a wrong one.
    const isIgnored = isRefused && (env.options.IgnoreInvalidKey || bss.security === 'none');
    throw isIgnored ? new JoinError('connect-failed', { cause: error }) : error;
  }
}

// What has worked; a file's secrets stay in the file.
function keep(context: JoinContext, bss: Bss, found: Found, credentials: WpsCredentials | undefined): void {
  const secret = credentials?.key ?? (found.kind === 'secrets' ? found.secrets.passphrase : undefined);
  const isFromFile = context.provisioned?.Passphrase !== undefined;
  const isHidden = context.answered?.has('SSID') === true || context.provisioned?.Hidden === true;
  context.store({
    SSID: formatHex(bss.ssid),
    Frequency: String(bss.frequencyMhz),
    ...(!isFromFile && { Passphrase: secret === undefined ? undefined : escapeText(secret) }),
    ...(isHidden && { Hidden: 'true' }),
  });
}

// oxlint-disable-next-line max-params -- what, with what, where
function methodFor(env: WifiNetworkEnv, bss: Bss, found: Found, restriction: Restriction): JoinMethod {
  if (found.kind === 'wps') return { kind: 'wps', pin: found.pin, address: bss.address };
  return { kind: 'block', block: blockFor(env, bss, found.secrets, restriction) };
}

// oxlint-disable-next-line max-params -- likewise
function blockFor(
  env: WifiNetworkEnv, { ssid, security, elements }: Bss, secrets: Secrets, restriction: Restriction,
) {
  return stationBlock({
    ssid, security, secrets, restriction,
    keyManagements: keyManagementsOf(env.members()),
    frameProtection: frameProtectionOf(env.members()),
    isOweTransition: elements.isOweTransition,
    isBackgroundScanning: env.options.BackgroundScanning,
  });
}
