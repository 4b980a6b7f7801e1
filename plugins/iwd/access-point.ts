/**
 * Access points of ours over iwd (tethering): its device becomes one for as long as it is wanted, in
 * place of a station. iwd does WPA2 alone, on a channel of its own choice; who comes and goes it does
 * not tell, but the kernel does.
 */

import type { Core, Device, Scope, TetherRequest } from '../../src/api.ts';
import { iwdAccessPointInterface, iwdAdapterInterface, iwdDeviceInterface } from '../../src/dbus/interfaces/iwd.ts';
import { variant } from '../../src/dbus/signature.ts';
import { openGenl } from '../../src/netlink/genl/genl.ts';
import { listStations, watchStations } from '../../src/netlink/genl/nl80211.ts';
import { formatHex } from '../../src/shared/bytes.ts';
import { ConnmanError, messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import type { IwdObjects } from './objects.ts';

const log = logger('plugins/iwd/access-point.ts');

/** A device that is no access point by then will not be. */
const MODE_LIMIT_MS = 20_000;

/** What an access point takes from the radio. */
export interface IwdAccessPointEnv {
  readonly core: Pick<Core, 'clock' | 'netlink'>;
  readonly objects: IwdObjects;
  readonly device: Device;
  /** The device's object. */
  readonly path: string;
  /** Takes the device from the station until `scope` closes. */
  replaceStation(scope: Scope): Promise<void>;
}

/** Puts an access point up until `scope` closes. Rejects with ConnmanError. */
export async function startIwdAccessPoint(
  env: IwdAccessPointEnv, request: TetherRequest, scope: Scope,
): Promise<void> {
  const { objects, path, device } = env;
  const settings = request.accessPoint;
  const isPossible = settings !== undefined && (settings.security === 'auto' || settings.security === 'psk');
  if (!isPossible || settings.passphrase === undefined || !canBeAccessPoint(env)) {
    throw new ConnmanError('NotSupported');
  }
  try {
    await env.replaceStation(scope);
    scope.defer(() => becomeStation(env));
    await objects.set(path, iwdDeviceInterface, 'Mode', variant('s', 'ap'));
    await becomeAccessPoint(env, scope);
    const ssid = Buffer.from(settings.ssid).toString();
    await objects.proxy(iwdAccessPointInterface, path).Start({ ssid, psk: settings.passphrase });
    objects.changed.observe(scope, ({ path: where, interface: name }) => {
      if (where !== path || name !== iwdAccessPointInterface.name) return;
      const started = objects.get(path, iwdAccessPointInterface)?.get('Started')?.as('b');
      if (started !== true) request.fail('the access point is gone');
    });
    await followStations(env, request, scope);
    await request.addPort(device.ifindex, scope);
  } catch (error) {
    if (error instanceof ConnmanError) throw error;
    log.warn('%s: %s', device.interfaceName, messageOf(error));
    throw new ConnmanError('Failed', undefined, { cause: error });
  }
}

function canBeAccessPoint({ objects, path }: IwdAccessPointEnv): boolean {
  const adapter = objects.get(path, iwdDeviceInterface)?.get('Adapter')?.as('o') ?? '';
  return objects.get(adapter, iwdAdapterInterface)?.get('SupportedModes')?.as('as')?.includes('ap') ?? false;
}

async function becomeStation({ objects, path }: IwdAccessPointEnv): Promise<void> {
  await objects.set(path, iwdDeviceInterface, 'Mode', variant('s', 'station')).catch((error: unknown) => {
    log.debug('%s: %s', path, messageOf(error));
  });
}

async function becomeAccessPoint({ core, objects, path }: IwdAccessPointEnv, scope: Scope): Promise<void> {
  const limits = scope.child();
  const signal = core.clock.deadline('access point of iwd', MODE_LIMIT_MS, scope.signal, limits);
  try {
    await objects.wait(() => objects.get(path, iwdAccessPointInterface), signal, limits);
  } finally {
    await limits.close();
  }
}

async function followStations(
  { core, device }: IwdAccessPointEnv, request: TetherRequest, scope: Scope,
): Promise<void> {
  const stations = new Map<string, Scope>();
  const note = (bytes: Uint8Array, isThere: boolean): void => {
    const address = formatHex(bytes, ':');
    if (isThere === stations.has(address)) return;
    void stations.get(address)?.close();
    stations.delete(address);
    if (!isThere || scope.signal.aborted) return;
    const own = scope.child();
    stations.set(address, own);
    request.addClient(address, own);
  };
  try {
    const genl = openGenl({ system: core }, scope);
    const onLoss = (): void => {
      listStations(genl, device.ifindex).then((there) => {
        const left = new Set(stations.keys());
        for (const address of there) left.delete(formatHex(address, ':'));
        for (const address of left) note(Buffer.from(address.replaceAll(':', ''), 'hex'), false);
        for (const address of there) note(address, true);
      }, (error: unknown) => log.debug('%s: %s', device.interfaceName, error));
    };
    await watchStations(genl, device.ifindex, scope, { onChange: note, onLoss });
  } catch (error) {
    log.warn('%s: clients are not known: %s', device.interfaceName, messageOf(error));
  }
}
