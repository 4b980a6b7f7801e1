/**
 * Gives a radio the hardware address that a network is to know it by, between two networks. iwd has its
 * device off meanwhile, as a driver takes an address only then, and has to hear its networks anew.
 */

import type { Device, Scope } from '../../src/api.ts';
import { iwdDeviceInterface, iwdStationInterface } from '../../src/dbus/interfaces/iwd.ts';
import { variant } from '../../src/dbus/signature.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import type { IwdEnv } from './joiner.ts';

/** A device that has no station again by then will not. */
const RETURN_LIMIT_MS = 10_000;

// oxlint-disable max-params -- with what, whose, which, how long

/**
 * Sets the address of a device, whose object is at `path`; resolves, and rejects, when iwd has a station
 * there again. Rejects with Failed where the kernel or the driver does not take it, OperationTimeout, or
 * the reason of the scope's signal.
 */
export async function setLinkAddress(
  { core, objects }: IwdEnv, { device, path }: { readonly device: Device; readonly path: string },
  address: Uint8Array, scope: Scope,
): Promise<void> {
  const power = (isOn: boolean): Promise<void> =>
    objects.set(path, iwdDeviceInterface, 'Powered', variant('b', isOn));
  const limits = scope.child();
  try {
    const refusal = await power(false)
      .then(() => core.kernel.link.setHardwareAddress(device.ifindex, address))
      .then(() => undefined, (error: unknown) => error);
    scope.signal.throwIfAborted();
    await power(true);
    const limit = core.clock.deadline('new hardware address', RETURN_LIMIT_MS, scope.signal, limits);
    await objects.wait(() => objects.get(path, iwdStationInterface), limit, limits);
    if (refusal !== undefined) {
      throw new ConnmanError('Failed', 'the hardware address cannot be set', { cause: refusal });
    }
  } finally {
    await limits.close();
  }
}
