/**
 * AddressConflictDetection on a real kernel: a second host has the address that the server lends or
 * that was written down (RFC 5227); what is said of it is in LastAddressConflict.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { callConnman, isProperty, SERVICE, SERVICE_PATH, startDaemon, withWiredCell } from '../helpers/wired.ts';

const TAKEN = '10.77.0.50';
const OWNER = '02:aa:bb:cc:dd:ee';
const detecting = { '/etc/connman/main.conf': '[General]\nAddressConflictDetection=true\nOnlineCheckMode=none\n' };

test('an address that another host has is declined, and the next one used', () => {
  const dnsmasq = { extra: [`--dhcp-host=02:00:00:00:00:00,${TAKEN}`] };
  return withWiredCell({ files: detecting, dnsmasq }, async (cell) => {
    await addOwner(cell);
    await startDaemon(cell);
    const since = cell.cable().plug();
    await cell.log.wait('a decline', (event) => isDhcp(event, 'DHCPDECLINE'), { since });
    assert.equal(await conflict(cell), { address: TAKEN, owner: OWNER, isResolved: false });
    const ready = isProperty('Service', 'State', 'ready');
    await cell.log.wait('another address', ready, { since, timeoutMs: 40_000 });
    assert.equal(await conflict(cell), { address: TAKEN, owner: OWNER, isResolved: true });
    const { IPv4: inUse } = await properties(cell);
    assert.is(inUse.Method, 'dhcp');
    assert.is.not(inUse.Address, TAKEN);
  });
});

test('a written address that another host has gives way to a link-local one', () => {
  const settings = `[${SERVICE}]\nIPv4.method=manual\nIPv4.netmask_prefixlen=20\nIPv4.local_address=${TAKEN}\n`;
  const files = { ...detecting, [`/var/lib/connman/${SERVICE}/settings`]: settings };
  return withWiredCell({ files }, async (cell) => {
    await addOwner(cell);
    await startDaemon(cell);
    const since = cell.cable().plug();
    await cell.log.wait('ready', isProperty('Service', 'State', 'ready'), { since, timeoutMs: 30_000 });
    const { IPv4: inUse, 'IPv4.Configuration': configuration } = await properties(cell);
    assert.equal(inUse.Method, 'auto');
    assert.match(inUse.Address ?? '', /^169\.254\./);
    assert.is(configuration.Method, 'manual');
    assert.equal(await conflict(cell), { address: TAKEN, owner: OWNER, isResolved: false });
  });
});

test.run();

/** A host of its own on the bridge, which answers for the address. */
function addOwner(cell: Cell): Promise<string> {
  return cell.server.script(`ip link add owner address ${OWNER} type veth peer name owned
ip link set owned master bridge
echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
ip link set owned up
ip link set owner up
ip address add ${TAKEN}/32 dev owner`);
}

interface Properties {
  readonly IPv4: Record<string, string>;
  readonly 'IPv4.Configuration': Record<string, string>;
  readonly LastAddressConflict: {
    readonly IPv4: { readonly Address: string };
    readonly Ethernet: { readonly Address: string };
    readonly Timestamp: bigint;
    readonly Resolved: boolean;
  };
}

async function properties(cell: Cell): Promise<Properties> {
  const [found] = await callConnman(cell, 'Service', 'GetProperties', SERVICE_PATH);
  return found as Properties; // as net.connman.Service describes it
}

async function conflict(cell: Cell): Promise<unknown> {
  const { LastAddressConflict: last } = await properties(cell);
  assert.ok(last.Timestamp > 1_000_000_000_000_000n, 'microseconds since 1970');
  return { address: last.IPv4.Address, owner: last.Ethernet.Address, isResolved: last.Resolved };
}

function isDhcp(event: CellEvent, message: string): boolean {
  return event.kind === 'dhcp' && event.message === message;
}
