/**
 * Hardware addresses that we gave interfaces in place of their own, so that an interface is known by
 * the one burned in, across restarts of the daemon: identifiers of devices and services stay. An
 * address that others set counts as the interface's own, as in ConnMan.
 */

import type { Link } from './netlink/link/link.ts';
import { formatHex } from './shared/bytes.ts';
import type { OwnSettings } from './service/own-settings.ts';

const GROUP = 'addresses';
/** The address before counts while the new one is being set. */
const MAX_KEPT = 2;

type Addressed = Pick<Link, 'hardwareAddress' | 'permanentAddress'>;

/** All of them. */
export class OwnAddresses {
  readonly #settings: OwnSettings;

  constructor(settings: OwnSettings) {
    this.#settings = settings;
  }

  /** What an interface is known by. */
  identityOf({ hardwareAddress, permanentAddress }: Addressed): Uint8Array {
    if (permanentAddress === undefined) return hardwareAddress;
    const isOurs = this.#kept(permanentAddress).includes(formatHex(hardwareAddress));
    return isOurs ? permanentAddress : hardwareAddress;
  }

  /** Says that an interface is about to get `address` from us. */
  note({ permanentAddress }: Addressed, address: Uint8Array): void {
    if (permanentAddress === undefined) return;
    const text = formatHex(address);
    const kept = this.#kept(permanentAddress);
    if (kept[0] === text) return;
    const after = [text, ...kept.filter((each) => each !== text)].slice(0, MAX_KEPT);
    this.#settings.set(GROUP, formatHex(permanentAddress), after.join(' '));
  }

  #kept(permanentAddress: Uint8Array): readonly string[] {
    return this.#settings.get(GROUP, formatHex(permanentAddress))?.split(' ') ?? [];
  }
}
