/**
 * Has polkit judge what callers of connman-vpnd may do. Whoever may change where a connection leads may learn its
 * secrets by that, so reading needs `net.connman.vpn.modify` as changing does; to set a secret needs
 * `net.connman.vpn.secret`. Helpers are judged by their user (vpn/task.ts).
 */

import { vpnKey, VPN_KEYS } from '../../src/provision/vpn-keys.ts';
import { Variant } from '../../src/dbus/signature.ts';
import { authoriseByPolkit, isAboutTheBus, type Plugin, type VpnCore, type WhatIsCalled } from '../api.ts';

const MODIFY = 'net.connman.vpn.modify';
const SECRET = 'net.connman.vpn.secret';

/** The plugin. */
export const polkit: Plugin<VpnCore> = {
  name: 'polkit',
  description: 'PolicyKit authorization plugin',
  priority: 'high',
  start: ({ bus }, scope) => authoriseByPolkit(bus, actionOf, scope),
};

/** What a call needs; undefined for what tells nothing, takes back an agent, or comes from a helper. */
export function actionOf(called: WhatIsCalled): string | undefined {
  if (called.interface === 'net.connman.Task' || called.member === 'UnregisterAgent') return undefined;
  if (isAboutTheBus(called)) return undefined;
  return called.member === 'SetProperty' && keysOf(called.args).some(isSecret) ? SECRET : MODIFY;
}

// One, or those of a whole dictionary as `Properties`.
function keysOf({ name, value }: WhatIsCalled['args']): string[] {
  if (name !== 'Properties' || !(value instanceof Variant)) return [String(name)];
  return [...(value.as('a{sv}')?.keys() ?? [])];
}

function isSecret(key: string): boolean {
  return Object.keys(VPN_KEYS).some((type) => vpnKey(type, key)?.secret === true);
}
