/**
 * One Wi-Fi network as the core sees it: what is needed to join is taken from what is stored with
 * its service or asked of the user, checked, and kept once it has worked.
 */

import type { JoinContext, NetworkControl } from '../../src/api.ts';
import { JoinError } from '../../src/api.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import { formatHex } from '../../src/shared/bytes.ts';
import { escapeText, unescapeText } from '../lib/wifi/stored-text.ts';
import { isAnswered, readAnswer, wantedFields, type Wanted } from '../lib/wifi/credentials.ts';
import { passphraseComplaint, type Secrets } from '../lib/wifi/secrets.ts';
import { bestOf, keyManagementsOf } from './access-points.ts';
import type { Bss, Properties } from './bss.ts';
import type { Joiner } from './joiner.ts';
import { stationBlock } from './network-block.ts';

/** ConnMan's keys of a Wi-Fi service. */
export const STORED_KEYS = ['SSID', 'Frequency', 'Passphrase', 'Hidden'] as const;

/** Those of them that prove who we are. */
export const SECRET_KEYS = ['Passphrase', 'Hidden'] as const;

/** What joining takes from the radio. */
export interface WifiNetworkEnv {
  readonly joiner: Joiner;
  readonly isBackgroundScanning: boolean;
  /** The access points of the group now. */
  members(): ReadonlyMap<string, Bss>;
  onLost(): void;
}

/** How the network of a group is joined and left. */
export function wifiControl(env: WifiNetworkEnv): NetworkControl {
  const owner = {};
  return {
    connect: (signal, context) => connect(env, owner, signal, context),
    disconnect: () => env.joiner.leave(owner),
  };
}

async function connect(
  env: WifiNetworkEnv, owner: object, signal: AbortSignal, context: JoinContext,
): Promise<void> {
  const bss = bestOf(env.members());
  if (bss === undefined) throw new ConnmanError('NoCarrier');
  const secrets = await secretsFor(bss, context, signal);
  const request = {
    owner,
    block: blockFor(env, bss, secrets),
    isProven: context.isFavorite && context.lastFailure !== 'invalid-key',
    onLost: () => env.onLost(),
  };
  await env.joiner.join(request, signal);
  context.store({
    SSID: formatHex(bss.ssid),
    Frequency: String(bss.frequencyMhz),
    Passphrase: secrets.passphrase === undefined ? undefined : escapeText(secrets.passphrase),
  });
}

function blockFor(env: WifiNetworkEnv, { ssid, security, elements }: Bss, secrets: Secrets): Properties {
  return stationBlock({
    ssid, security, secrets,
    keyManagements: keyManagementsOf(env.members()),
    isOweTransition: elements.isOweTransition,
    isBackgroundScanning: env.isBackgroundScanning,
  });
}

/** What is stored, unless it proved wrong; else what a user says. */
async function secretsFor({ security, elements }: Bss, context: JoinContext, signal: AbortSignal): Promise<Secrets> {
  if (security === 'none') return {};
  const text = context.stored.get('Passphrase');
  const stored = text === undefined ? undefined : unescapeText(text);
  const hasFailed = context.lastFailure === 'invalid-key';
  if (stored !== undefined && !hasFailed) return { passphrase: stored };
  const wanted: Wanted = {
    security,
    isHidden: false,
    hasWps: elements.wps !== undefined,
    needsIdentity: true,
    phase2: undefined,
    previousPassphrase: hasFailed ? stored : undefined,
  };
  const question = {
    fields: wantedFields(wanted),
    isComplete: (given: Parameters<typeof readAnswer>[0]) => isAnswered(wanted, readAnswer(given)),
  };
  const { passphrase } = readAnswer(await context.ask(question, signal));
  if (passphrase === undefined) throw new ConnmanError('PassphraseRequired');
  const complaint = passphraseComplaint(security, passphrase);
  if (complaint !== undefined) throw new JoinError('invalid-key', { cause: new Error(complaint) });
  return { passphrase };
}
