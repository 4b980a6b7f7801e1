/**
 * A Wi-Fi device of iwd's under our charge: powered on and off, a station (radio.ts) or, in place of
 * that, an access point of ours.
 */

import { type Device, type DeviceControl, ScanError, type Scope, TETHER_BRIDGE } from '../../src/api.ts';
import { iwdAdapterInterface, iwdDeviceInterface, iwdStationInterface } from '../../src/dbus/interfaces/iwd.ts';
import { variant } from '../../src/dbus/signature.ts';
import { openGenl } from '../../src/netlink/genl/genl.ts';
import { requestCountry } from '../../src/netlink/genl/nl80211.ts';
import { messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import type { IwdEnv } from './joiner.ts';
import { IwdRadio } from './radio.ts';

const log = logger('plugins/iwd/attach.ts');

/** Takes charge of a device until `scope` closes. */
export function attachIwdRadio(env: IwdEnv, device: Device, scope: Scope): DeviceControl {
  let life: { readonly radio: IwdRadio; readonly scope: Scope } | undefined;
  let path = '';
  const open = async (signal: AbortSignal): Promise<void> => {
    path = await powerUp(env, device, signal, scope);
    const own = scope.child();
    life = { radio: new IwdRadio(env, device, path, own), scope: own };
    life.radio.start();
  };
  const close = async (): Promise<void> => {
    const before = life;
    life = undefined;
    await before?.scope.close();
  };
  const replaceStation = async (own: Scope): Promise<void> => {
    own.defer(async () => {
      if (!device.isUsable || scope.signal.aborted) return;
      await open(scope.signal).catch((error: unknown) => log.error('%s: %s', device.interfaceName, error));
    });
    await close();
  };
  return {
    enable: (signal) => open(signal),
    async disable() {
      await close();
      if (path !== '') await env.objects.set(path, iwdDeviceInterface, 'Powered', variant('b', false));
    },
    async scan(signal) {
      if (life === undefined && device.isPowered) {
        throw new ScanError('Failed', 'busy', { message: 'Device or resource busy' }); // an access point
      }
      if (life === undefined) throw new ScanError('NoCarrier', 'off');
      await life.radio.scan(signal);
    },
    tether: async (request, own) => {
      const { startIwdAccessPoint } = await import('./access-point.ts');
      await startIwdAccessPoint({ ...env, device, path, replaceStation }, request, own);
    },
    async setCountry(country) {
      const own = scope.child();
      try {
        await requestCountry(openGenl({ system: env.core }, own), country);
      } finally {
        await own.close();
      }
    },
  };
}

/** The path of the device that iwd has for an interface; undefined while it has none. */
export function deviceNamed({ objects }: Pick<IwdEnv, 'objects'>, name: string): string | undefined {
  return objects.with(iwdDeviceInterface)
    .find((path) => objects.get(path, iwdDeviceInterface)?.get('Name')?.value === name);
}

// iwd makes its interfaces anew when it starts, and tells of them later than the kernel; of a radio
// switch as well. Powered, there is a station, unless somebody has it be something else.
async function powerUp(env: IwdEnv, device: Device, signal: AbortSignal, scope: Scope): Promise<string> {
  const { objects } = env;
  const path = await objects.wait(() => deviceNamed(env, device.interfaceName), signal, scope);
  const valueOf = (name: string) => objects.get(path, iwdDeviceInterface)?.get(name);
  const adapter = valueOf('Adapter')?.as('o');
  const on = async (object: string, description: typeof iwdAdapterInterface | typeof iwdDeviceInterface) => {
    if (objects.get(object, description)?.get('Powered')?.value !== false) return;
    await objects.set(object, description, 'Powered', variant('b', true))
      .catch((error: unknown) => log.debug('%s: %s', object, messageOf(error)));
  };
  if (adapter !== undefined) await on(adapter, iwdAdapterInterface);
  await on(path, iwdDeviceInterface);
  if (isOurAccessPoint(env, device)) await objects.set(path, iwdDeviceInterface, 'Mode', variant('s', 'station'));
  const isReady = (): boolean => objects.get(path, iwdStationInterface) !== undefined
    || (valueOf('Powered')?.value === true && !['station', undefined].includes(valueOf('Mode')?.as('s')));
  return objects.wait(() => (isReady() ? path : undefined), signal, scope);
}

// A daemon before this one has left it: a port of our bridge.
function isOurAccessPoint({ core }: IwdEnv, { link: { master } }: Device): boolean {
  return core.kernel.mirror.links.get(master ?? 0)?.name === TETHER_BRIDGE;
}
