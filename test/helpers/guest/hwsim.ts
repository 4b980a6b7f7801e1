/**
 * Radios that are taken out of a running machine and put in (kernel family MAC80211_HWSIM, drivers/net/
 * wireless/mac80211_hwsim.h). A radio is removed in the network namespace where it is: it comes to this
 * program's first, and a new one goes from here to where it is wanted.
 */

import { readdirSync } from 'node:fs';
import { type Genl, openGenl } from '../../../src/netlink/genl/genl.ts';
import { bytes, string, u32 } from '../../../src/netlink/kinds.ts';
import { parseHex } from '../../../src/shared/bytes.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { output } from '../child.ts';
import type { Namespace } from '../namespace.ts';
import { testSystem } from '../system.ts';

/** HWSIM_ATTR_*. */
const HWSIM = {
  name: 'MAC80211_HWSIM', version: 1,
  attributes: { channels: [9, u32], radioName: [17, string], permanentAddress: [22, bytes] },
} as const;
const [NEW_RADIO, DEL_RADIO] = [4, 5];

const HERE = '/sys/class/ieee80211';

/** Takes the only radio of a namespace out of the machine, with its interfaces and its switch. */
export async function takeOutRadio({ pid }: Namespace): Promise<void> {
  const inside = (...words: readonly string[]): Promise<string> =>
    output(['nsenter', `--target=${pid}`, '--net', '--', 'iw', ...words]);
  const index = /phy#(\d+)/.exec(await inside('dev'))?.[1];
  if (index === undefined) throw new Error('there is no radio');
  const before = new Set(readdirSync(HERE));
  await inside(`phy#${index}`, 'set', 'netns', String(process.pid));
  await ask((genl) => genl.request(HWSIM, { command: DEL_RADIO, attributes: { radioName: come(before) } }));
}

/** Puts one in, for a namespace, with the address it has for ever. */
export async function putInRadio({ pid }: Namespace, address: string): Promise<void> {
  const before = new Set(readdirSync(HERE));
  const permanentAddress = parseHex(address.replaceAll(':', '')) ?? new Uint8Array();
  await ask((genl) => genl.request(HWSIM, { command: NEW_RADIO, attributes: { channels: 1, permanentAddress } }));
  await output(['iw', 'phy', come(before), 'set', 'netns', String(pid)]);
}

function come(before: ReadonlySet<string>): string {
  const [name] = readdirSync(HERE).filter((each) => !before.has(each));
  if (name === undefined) throw new Error('no radio has come');
  return name;
}

async function ask(question: (genl: Genl) => Promise<unknown>): Promise<void> {
  const scope = createScope();
  try {
    await question(openGenl({ system: testSystem() }, scope));
  } finally {
    await scope.close();
  }
}
