/**
 * A link to a namespace of its own: what a test of sockets needs on the far side of a cable. The
 * near side is the namespace the test itself runs in (test/helpers/unshare.ts).
 */

import { output } from '../helpers/child.ts';
import { holdNamespace, type Namespace } from '../helpers/namespace.ts';

/** Addresses of both ends, with prefix length: `10.9.0.1/24`. */
export interface VethOptions {
  readonly near: readonly string[];
  readonly far: readonly string[];
}

/** Makes interface `name` here, connected to `far0` in the namespace returned; both are up. */
export async function plugVeth(name: string, options: VethOptions): Promise<Namespace> {
  const far = await holdNamespace();
  const farNet = far.path('').replace(/root$/, 'ns/net');
  await output(['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'far0', 'netns', farNet]);
  const addresses = (link: string, list: readonly string[]): string =>
    list.map((address) => `ip address add ${address} dev ${link} ${address.includes(':') ? 'nodad' : ''}\n`).join('');
  const up = (link: string, list: readonly string[]): string =>
    `${addresses(link, list)}ip link set ${link} up\n`;
  await far.script(`ip link set lo up\n${up('far0', options.far)}`);
  await output(['sh', '-e', '-s'], { input: `ip link set lo up\n${up(name, options.near)}` });
  return far;
}
