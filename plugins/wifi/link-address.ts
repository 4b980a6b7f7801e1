/**
 * Gives a radio the hardware address that a network is to know it by, between two networks: a driver
 * takes one only while its interface is down. The supplicant sees the interface go and come.
 */

import type { Core, Device } from '../../src/api.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import type { Scope } from '../../src/shared/scope.ts';
import { addressToSet, type AddressWish } from '../lib/wifi/own-address.ts';
import type { SupplicantLink } from './supplicant-link.ts';

/** Who has not seen the interface go by then will not; nor come. */
const GONE_LIMIT_MS = 5_000;
const RETURN_LIMIT_MS = 10_000;

/** What it takes. */
export interface LinkAddressEnv {
  readonly core: Pick<Core, 'kernel' | 'clock' | 'ownSettings' | 'addresses'>;
  readonly device: Device;
  readonly link: SupplicantLink;
}

/**
 * Has the radio go by the address that is wanted; nothing happens where it does.
 * Rejects with Failed where the kernel or the driver does not take it.
 */
export async function useAddress(env: LinkAddressEnv, wish: AddressWish, scope: Scope): Promise<void> {
  const { core, device, link } = env;
  const wanted = addressToSet(core, device, wish);
  if (wanted === undefined) return;
  const [{ kernel }, { ifindex }] = [core, device];
  // What a daemon before this one joined would be joined again by itself.
  if (link.currentNetwork !== undefined) await link.leave(link.currentNetwork);
  try {
    await kernel.link.setDown(ifindex);
    // Up again before it has seen it down, the supplicant would go on as if nothing had been.
    await whenDisabled(env, true, GONE_LIMIT_MS, scope);
    try {
      await kernel.link.setHardwareAddress(ifindex, wanted);
    } finally {
      await kernel.link.setUp(ifindex);
    }
  } catch (error) {
    throw new ConnmanError('Failed', 'the hardware address cannot be set', { cause: error });
  }
  if (!(await whenDisabled(env, false, RETURN_LIMIT_MS, scope))) throw new ConnmanError('NoCarrier');
}

/** Resolves once the supplicant says so; true where it did before the limit. */
// oxlint-disable-next-line max-params -- whom, what, for how long
async function whenDisabled(
  { core: { clock }, link }: LinkAddressEnv, isDisabled: boolean, limitMs: number, scope: Scope,
): Promise<boolean> {
  const isSo = (): boolean => (link.state === 'interface_disabled') === isDisabled;
  if (isSo()) return true;
  const limits = scope.child();
  try {
    await new Promise<void>((resolve) => {
      limits.signal.addEventListener('abort', () => resolve(), { once: true });
      clock.after('new hardware address', limitMs, limits, resolve);
      link.events.observe(limits, () => {
        if (isSo()) resolve();
      });
    });
    return isSo();
  } finally {
    await limits.close();
  }
}
