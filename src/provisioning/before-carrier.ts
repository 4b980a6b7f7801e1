/**
 * Fixed addresses of interfaces that a provisioning file names: they are on the interface from the
 * moment it exists, cable or not, so that servers can be bound to them. While there is no carrier the
 * route to their network gives way to every other; with it the service takes the address over.
 */

import type { Device } from '../device.ts';
import { lowPriorityMetric } from '../gateway/routes.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import type { FixedAddress } from '../provision/values.ts';
import type { Provisioning } from '../provisioning.ts';
import type { Services } from '../service/services.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { Technologies } from '../technology/technologies.ts';
import { isWired } from '../types.ts';

const log = logger('src/provisioning/before-carrier.ts');

/** What the kernel gives routes to networks of IPv6 addresses (IP6_RT_PRIO_ADDRCONF, net/ipv6/addrconf.h). */
const IPV6_METRIC = 256;

/** What it takes from the core. */
export interface BeforeCarrierEnv {
  readonly kernel: Pick<Rtnetlink, 'address' | 'mirror'>;
  readonly technologies: Technologies;
  readonly services: Services;
  readonly provisioning: Provisioning;
}

/** Keeps such addresses on their interfaces until `scope` closes; then they stay. */
export function setBeforeCarrier(env: BeforeCarrierEnv, scope: Scope): void {
  env.technologies.deviceAdded.observe(scope, (device) => {
    if (isWired(device.type)) keep(device, env);
  });
}

function keep(device: Device, env: BeforeCarrierEnv): void {
  const { kernel, provisioning } = env;
  let kept: readonly FixedAddress[] = [];
  const update = (): void => {
    const isUp = device.link.isUp && device.link.hasCarrier;
    const wanted = isUp ? [] : addressesFor(device, provisioning);
    const before = kept;
    kept = wanted;
    if (isUp && before.length > 0) return queueMicrotask(() => leave(device, before, env));
    remove(device, before.filter((address) => !wanted.some((other) => isSame(address, other))), env);
    const there = kernel.mirror.addressesOf(device.ifindex);
    const missing = wanted.filter((address) => !there.some((other) => isSame(address, other)));
    for (const address of missing) add(device, address, env, lowPriorityMetric(device.ifindex));
  };
  device.linkChanged.observe(device.scope, update);
  provisioning.changed.observe(device.scope, update);
  // The service that loses its carrier takes its address away, and so does a link that goes down.
  kernel.mirror.addressChangedOn(device.ifindex).observe(device.scope, ({ after }) => {
    if (after === undefined) update();
  });
  update();
}

// With the carrier the service has come, in this very turn; unless it stays idle it has the address now.
function leave(device: Device, addresses: readonly FixedAddress[], env: BeforeCarrierEnv): void {
  const service = env.services.list.find(({ network }) => network.device === device);
  if (service === undefined || service.state === 'idle') return remove(device, addresses, env);
  // Set again, an IPv4 address has the metric it is set with; of IPv6 it keeps the one it has (addrconf.c).
  for (const address of addresses) if (address.address.family === 6) add(device, address, env, IPV6_METRIC);
}

function addressesFor(device: Device, provisioning: Provisioning): FixedAddress[] {
  const { type, ident: hardwareAddress, interfaceName } = device;
  const keys = provisioning.find({ type, hardwareAddress, interfaceName })?.entry.keys;
  // An entry for any interface would have all of them share one address.
  if (keys?.DeviceName === undefined && keys?.MAC === undefined) return [];
  return [keys.IPv4, keys.IPv6].flatMap((setting) => (setting?.method === 'fixed' ? [setting] : []));
}

function add(device: Device, { address, prefixLength }: FixedAddress, env: BeforeCarrierEnv, metric: number): void {
  const { ifindex, interfaceName } = device;
  const broadcast = address.family === 4 && prefixLength < 31 ? address.broadcast(prefixLength) : undefined;
  log.debug('%s has %s/%d before its service', interfaceName, address, prefixLength);
  env.kernel.address
    .add({ ifindex, address, prefixLength, broadcast, metric })
    .catch((error: unknown) => log.warn('%s: address %s is refused: %s', interfaceName, address, messageOf(error)));
}

function remove({ ifindex, interfaceName }: Device, addresses: readonly FixedAddress[], env: BeforeCarrierEnv): void {
  for (const { address, prefixLength } of addresses) {
    env.kernel.address
      .remove({ ifindex, address, prefixLength })
      .catch((error: unknown) => log.debug('%s: %s was gone: %s', interfaceName, address, messageOf(error)));
  }
}

function isSame(one: Pick<FixedAddress, 'address' | 'prefixLength'>, other: typeof one): boolean {
  return one.prefixLength === other.prefixLength && one.address.equals(other.address);
}
