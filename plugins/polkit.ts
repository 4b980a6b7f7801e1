/**
 * Has polkit judge what callers of connmand may do: what changes something needs the action
 * `net.connman.modify`, what hands over a secret `net.connman.secret`, what reads needs none.
 */

import { authoriseByPolkit, isAboutTheBus, type Core, type Plugin, type WhatIsCalled } from '../src/api.ts';

const MODIFY = 'net.connman.modify';
const SECRET = 'net.connman.secret';

/** The plugin. */
export const polkit: Plugin<Core> = {
  name: 'polkit',
  description: 'PolicyKit authorization plugin',
  priority: 'high',
  start: ({ bus }, scope) => authoriseByPolkit(bus, actionOf, scope),
};

/** What a call needs; undefined for what only reads, or takes back what the caller itself has registered. */
export function actionOf(called: WhatIsCalled): string | undefined {
  const { member, args } = called;
  if (READING.test(member) || TAKING_BACK.has(member) || isAboutTheBus(called)) return undefined;
  const property = args['name'] ?? args['property_name'];
  return member.startsWith('Set') && SECRET_PROPERTIES.has(String(property)) ? SECRET : MODIFY;
}

const READING = /^(Get[A-Z]|Get$|Explain|Waiting$|RegisterCounter$|FollowLog$)/;
const TAKING_BACK: ReadonlySet<string> = new Set(['UnregisterAgent', 'UnregisterCounter', 'UnregisterPeerService']);
const SECRET_PROPERTIES: ReadonlySet<string> = new Set(['TetheringPassphrase']);
