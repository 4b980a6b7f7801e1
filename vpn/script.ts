/**
 * vpn-script: what openconnect and vpnc call (--script), and a configuration of openvpn's may (up). It passes
 * what it finds in its environment on to connman-vpnd as net.connman.Task.notify and ends; it configures nothing.
 * Invariant: only variables that drivers read leave it, never a secret.
 */

import { connectBus } from '../src/dbus/bus.ts';
import { systemBusAddress } from '../src/dbus/address.ts';
import { nodeTransport } from '../src/dbus/transport.ts';
import { DeadlineClock, nodeTimeSource } from '../src/shared/clock.ts';
import { messageOf } from '../src/shared/errors.ts';
import { createScope } from '../src/shared/scope.ts';

/** What drivers read. */
const PASSED = new RegExp([
  '^trusted_ip6?$', '^ifconfig_', '^route_(network|netmask|gateway)_', '^route_vpn_gateway$', '^foreign_option_',
  '^script_type$', '^dev$', '^tun_mtu$', '^reason$', '^VPNGATEWAY$', '^TUNDEV$', '^INTERNAL_', '^CISCO_',
].join('|'));

const LIMIT_MS = 10_000;

async function main(environment: NodeJS.ProcessEnv): Promise<number> {
  const { CONNMAN_BUSNAME: destination, CONNMAN_PATH: path, CONNMAN_INTERFACE: name } = environment;
  if (destination === undefined || path === undefined || name === undefined) {
    process.stderr.write('vpn-script is called by VPN programs that connman-vpnd started\n');
    return 1;
  }
  const reason = environment['script_type'] ?? environment['reason'] ?? '';
  // Before there is a tunnel vpnc and openconnect ask for its interface to be made: it is there.
  if (reason === 'pre-init') return 0;
  const entries = Object.entries(environment).flatMap(([key, value]): [string, string][] =>
    PASSED.test(key) && value !== undefined ? [[key, value]] : []);
  const scope = createScope();
  try {
    const clock = new DeadlineClock(nodeTimeSource());
    const bus = await connectBus(nodeTransport(systemBusAddress(environment), scope), { clock }, scope);
    const call = { destination, path, interface: name, member: 'notify', signature: 'sa{ss}' };
    await bus.call({ ...call, body: [reason, new Map(entries)] }, { timeoutMs: LIMIT_MS });
    return 0;
  } catch (error) {
    process.stderr.write(`vpn-script: ${messageOf(error)}\n`);
    return 1;
  } finally {
    await scope.close();
  }
}

void main(process.env).then((status) => (process.exitCode = status));
