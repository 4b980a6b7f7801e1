/**
 * A network that keeps its name to itself: the user says it, it is called, and who answers is joined in
 * place of it.
 */

import type { Network, NetworkControl } from '../../../src/api.ts';
import { ConnmanError } from '../../../src/shared/errors.ts';
import { askFor } from './find-secrets.ts';
import type { Security } from './security.ts';
import { ssidGroup } from './ssid.ts';

/** What joining a hidden network takes from the radio. */
export interface HiddenNetworkEnv {
  /** Calls a name; the network of it, if it answers. */
  call(ssid: Uint8Array, group: string, signal: AbortSignal): Promise<Network | undefined>;
}

/** How a network is joined whose name only the user knows. */
export function hiddenControl(env: HiddenNetworkEnv, security: Security): NetworkControl {
  return {
    asksFirst: true,
    async connect(signal, context) {
      const wanted = {
        security, isHidden: true, hasWps: false, needsIdentity: true, phase2: undefined, previousPassphrase: undefined,
      };
      const { ssid, identity, passphrase } = await askFor(wanted, context, signal);
      if (ssid === undefined) throw new ConnmanError('InvalidArguments');
      const network = await env.call(ssid, `${ssidGroup(ssid)}_managed_${security}`, signal);
      if (network === undefined) throw new ConnmanError('Failed');
      const said = { SSID: ssid, Identity: identity, Passphrase: passphrase };
      context.handOver(network, new Map(Object.entries(said).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, value]])));
    },
    disconnect: () => undefined,
  };
}
