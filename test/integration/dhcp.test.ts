/**
 * The DHCPv4 client against dnsmasq, over a veth pair whose checksums are left to "hardware", with
 * real sockets and the kernel's own addresses. Time is the test's: the client's clock stands still
 * while packets travel and jumps to its next deadline otherwise, so that leases of two minutes (the
 * least dnsmasq gives) are renewed, lost and found again within a second.
 */

import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ClientEvent, type ClientOptions, type DhcpClient, startDhcpClient } from '../../src/dhcp/client.ts';
import { parseHex } from '../../src/shared/bytes.ts';
import { IpAddress } from '../../src/shared/ipaddress.ts';
import { systemRandom } from '../../src/shared/random.ts';
import { createScope, type Scope } from '../../src/shared/scope.ts';
import type { System } from '../../src/system/system.ts';
import { type Child, output } from '../helpers/child.ts';
import { startDnsmasq } from '../helpers/dnsmasq.ts';
import { EventLog } from '../helpers/event-log.ts';
import type { FakeClock } from '../helpers/fake-clock.ts';
import { holdNamespace, type Namespace } from '../helpers/namespace.ts';
import { patience, until } from '../helpers/patience.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { withScope } from '../helpers/with-scope.ts';

enterNamespaces('--net');

const ROUTER = '192.0.2.1';
const system = testSystem();
const log = new EventLog();
let serverSide: Namespace;
let server: Child;

/** What the sockets of one client did. What a packet makes due at once is done at once. */
class Traffic {
  packets = 0;
  unicasts = 0;
  withoutChecksum = 0;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** The real system, counted. */
  readonly system: System = {
    ...system,
    packet: (options, scope) => {
      const socket = system.packet(options, scope);
      const send = socket.send.bind(socket);
      socket.send = (bytes, to) => {
        this.packets++;
        send(bytes, to);
      };
      return new Proxy(socket, {
        set: (target, name, value: unknown) => {
          return Reflect.set(target, name, name === 'onMessage' ? this.#counted(value) : value);
        },
      });
    },
    udp: (options, scope) => {
      const socket = system.udp(options, scope);
      const send = socket.send.bind(socket);
      socket.send = (bytes) => {
        this.unicasts++;
        send(bytes);
      };
      return socket;
    },
  };

  #counted(onMessage: unknown): unknown {
    if (typeof onMessage !== 'function') return onMessage;
    return (bytes: Uint8Array, sender: { checksumNotReady: boolean }) => {
      if (sender.checksumNotReady) this.withoutChecksum++;
      Reflect.apply(onMessage, undefined, [bytes, sender]);
      void this.#clock.advance(0);
    };
  }
}

/** A client on `up0`, which gets what it is granted, as the core would do it. */
class Host {
  readonly traffic: Traffic;
  readonly client: DhcpClient;
  readonly #clock: FakeClock;
  readonly #events: ClientEvent[] = [];
  #onEvent: () => void = () => undefined;

  constructor(clock: FakeClock, scope: Scope, options: Partial<ClientOptions> = {}) {
    this.#clock = clock;
    this.traffic = new Traffic(clock);
    const env = { system: this.traffic.system, clock, random: systemRandom };
    this.client = startDhcpClient({ ...link, ...options }, env, scope);
    this.client.events.observe(scope, (event) => {
      this.#events.push(event);
      this.#onEvent();
    });
  }

  /** The next event; time stands still meanwhile. */
  async next(kind: ClientEvent['kind']): Promise<ClientEvent> {
    await this.#clock.advance(0);
    const limit = createScope();
    try {
      while (this.#events.length === 0) {
        await new Promise<void>((resolve, reject) => {
          this.#onEvent = resolve;
          const timer = setTimeout(() => reject(new Error(`no ${kind} within ${patience(10)} s`)), patience(10_000));
          limit.defer(() => clearTimeout(timer));
        });
      }
    } finally {
      await limit.close();
    }
    const event = this.#events.shift();
    assert.is(event?.kind, kind);
    if (event === undefined) throw new Error('no event');
    return event;
  }

  /** The next lease, set on the link as the core would do. */
  async bound(): Promise<string> {
    const event = await this.next('bound');
    assert.ok(event.kind === 'bound');
    const { address, prefixLength } = event.lease;
    await output(['ip', 'address', 'replace', `${address}/${prefixLength}`, 'dev', 'up0']);
    return address.toString();
  }
}

let link: ClientOptions;

test.before(async () => {
  serverSide = await holdNamespace();
  await output(['ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'down0']);
  await output(['ip', 'link', 'set', 'down0', 'netns', serverSide.path('').replace(/root$/, 'ns/net')]);
  await output(['ip', 'link', 'set', 'up0', 'up']);
  await serverSide.script(`
    mount -t tmpfs tmpfs /run
    ip link set lo up
    ip address add ${ROUTER}/24 dev down0
    ip link set down0 up`);
  const shown = await output(['ip', '-o', 'link', 'show', 'up0']);
  const hardwareAddress = parseHex((/link\/ether (\S+)/.exec(shown)?.[1] ?? '').replaceAll(':', ''));
  assert.ok(hardwareAddress);
  link = { ifindex: Number.parseInt(shown, 10), name: 'up0', hardwareAddress };
});

test.before.each(async () => {
  await output(['ip', 'address', 'flush', 'dev', 'up0']);
  await serverSide.script('rm -f /run/dnsmasq.leases');
  await startServer();
});

test.after.each(async () => {
  await server.stop();
});

test.after(async () => {
  await serverSide.close();
});

/** Serves addresses that end in `first` to `last`. In a user namespace dnsmasq must stay who it is. */
async function startServer(first = 10, last = 50, ...extra: string[]): Promise<void> {
  const range = { link: 'down0', router: ROUTER, first: `192.0.2.${first}`, last: `192.0.2.${last}` };
  const options = { leaseTime: '2m', extra: ['--no-daemon', '--port=0', ...extra] };
  server = await startDnsmasq(serverSide, { ...range, netmask: '255.255.255.0' }, log, options);
}

/** Whether the router refuses what it has no server for: its answers and our questions pass. */
function isRouterReached(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: ROUTER, port: 9, timeout: 1000 });
    const end = (isReached: boolean): void => {
      socket.destroy();
      resolve(isReached);
    };
    socket.once('timeout', () => end(false));
    socket.once('error', (error) => end('code' in error && error.code === 'ECONNREFUSED'));
  });
}

function heard(message: string, since: number): Promise<unknown> {
  return log.wait(message, (event) => event.kind === 'dhcp' && event.message === message, { since });
}

test('discover to bound, though no checksum is filled in; release at the end', withScope(async ({ clock, scope }) => {
  const since = performance.now();
  const host = new Host(clock, scope);
  const address = await host.bound();
  assert.match(address, /^192\.0\.2\.(1|2|3|4|5)[0-9]$/);
  assert.ok(host.traffic.withoutChecksum >= 2, 'the veth really left its checksums out');
  assert.is(host.client.lease?.leaseSec, 120);
  assert.equal(host.client.lease?.routers.map(String), [ROUTER]);
  host.client.stop({ release: true });
  await heard('DHCPRELEASE', since);
  assert.is(host.traffic.unicasts, 1);
}));

test('a hundred renewals by unicast, no descriptor more', withScope(async ({ clock, scope }) => {
  const host = new Host(clock, scope);
  const address = await host.bound();
  const { packets } = host.traffic;
  const before = readdirSync('/proc/self/fd').length;
  for (let count = 1; count <= 100; count++) {
    assert.ok(await clock.advanceToNext());
    const event = await host.next('bound');
    assert.ok(event.kind === 'bound' && !event.isChanged);
    assert.is(event.lease.address.toString(), address);
    assert.is(host.traffic.unicasts, count);
  }
  assert.is(host.traffic.packets, packets, 'no broadcast');
  // A thread closes packet sockets, which takes the kernel a while.
  const until = performance.now() + 10_000;
  while (readdirSync('/proc/self/fd').length > before && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.is(readdirSync('/proc/self/fd').length, before);
}));

test('a server that was away at T1 is found at T2 by broadcast', withScope(async ({ clock, scope }) => {
  const host = new Host(clock, scope);
  await host.bound();
  const { packets } = host.traffic;
  await server.stop();
  await clock.advanceToNext();
  assert.is(host.traffic.unicasts, 1);
  await startServer();
  await clock.advanceToNext();
  const event = await host.next('bound');
  assert.ok(event.kind === 'bound' && !event.isChanged);
  assert.is(host.traffic.packets, packets + 1);
}));

test('without a server the lease ends in time; the next search finds it again', withScope(async ({ clock, scope }) => {
  const host = new Host(clock, scope);
  const address = await host.bound();
  await server.stop();
  await clock.advance(119_000);
  assert.ok(host.client.lease);
  await clock.advance(1500);
  assert.equal(await host.next('lost'), { kind: 'lost', reason: 'expired' });
  assert.is(host.client.lease, undefined);
  await clock.advance(40_000);
  await host.next('noLease');
  await startServer();
  await clock.advanceToNext();
  assert.is(await host.bound(), address);
}));

test('a server that moved its range refuses, and another address comes at once', withScope(async ({ clock, scope }) => {
  const host = new Host(clock, scope);
  await host.bound();
  await server.stop();
  await serverSide.script('rm -f /run/dnsmasq.leases');
  await startServer(100, 150);
  const since = performance.now();
  await clock.advanceToNext();
  assert.equal(await host.next('lost'), { kind: 'lost', reason: 'nak' });
  await output(['ip', 'address', 'flush', 'dev', 'up0']);
  await heard('DHCPNAK', since);
  assert.match(await host.bound(), /^192\.0\.2\.1[0-9][0-9]$/);
}));

test('a known lease costs one exchange', withScope(async ({ clock, scope }) => {
  const first = new Host(clock, scope);
  const address = await first.bound();
  const { lease } = first.client;
  assert.ok(lease);
  first.client.stop({ release: false });
  const again = new Host(clock, scope, { lease });
  assert.is(await again.bound(), address);
  assert.is(again.traffic.packets, 1);
}));

test('an adopted lease is confirmed without a change', withScope(async ({ clock, scope }) => {
  const first = new Host(clock, scope);
  await first.bound();
  const { lease } = first.client;
  assert.ok(lease);
  first.client.stop({ release: false });
  const again = new Host(clock, scope, { lease, adopt: true });
  assert.equal(await again.next('bound'), { kind: 'bound', lease, isChanged: false });
  const confirmed = await again.next('bound');
  assert.ok(confirmed.kind === 'bound' && !confirmed.isChanged);
  assert.is(again.traffic.packets, 1);
}));

test('an address of another network is refused and replaced', withScope(async ({ clock, scope }) => {
  const host = new Host(clock, scope, { lastAddress: new IpAddress(Uint8Array.of(198, 51, 100, 7)) });
  assert.match(await host.bound(), /^192\.0\.2\./);
}));

test('rapid commit takes two messages', withScope(async ({ clock, scope }) => {
  await server.stop();
  await startServer(10, 50, '--dhcp-rapid-commit');
  const host = new Host(clock, scope);
  await host.bound();
  assert.is(host.traffic.packets, 1);
}));

test('DECLINE makes dnsmasq give another address', withScope(async ({ clock, scope }) => {
  const since = performance.now();
  const host = new Host(clock, scope);
  const address = await host.bound();
  host.client.decline();
  await heard('DHCPDECLINE', since);
  await clock.advance(10_000);
  assert.is.not(await host.bound(), address);
}));

test('a server behind a relay grants, and renews by unicast through the router', withScope(async ({ clock, scope }) => {
  await server.stop();
  const far = await serverSide.nest();
  await serverSide.script(`
    ip link add mid0 type veth peer name far0
    ip link set far0 netns ${far.innerPid}
    ip address add 198.51.100.2/24 dev mid0
    ip link set mid0 up
    echo 1 > /proc/sys/net/ipv4/ip_forward`);
  await far.script(`
    ip address add 198.51.100.1/24 dev far0
    ip link set far0 up
    ip route add 192.0.2.0/24 via 198.51.100.2`);
  const common = ['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--pid-file=', '--bind-interfaces'];
  server = serverSide.spawn([...common, '--interface=down0', `--dhcp-relay=${ROUTER},198.51.100.1`]);
  const farServer = far.spawn([
    ...common, '--interface=far0', '--no-ping', '--dhcp-leasefile=/run/far.leases',
    '--dhcp-range=192.0.2.60,192.0.2.69,255.255.255.0,2m', `--dhcp-option=3,${ROUTER}`,
  ]);
  for (const each of [server, farServer]) await each.waitForLine((line) => line.includes(': started, '));

  const host = new Host(clock, scope);
  assert.match(await host.bound(), /^192\.0\.2\.6[0-9]$/);
  assert.is(String(host.client.lease?.server), '198.51.100.1');
  await output(['ip', 'route', 'add', 'default', 'via', ROUTER]);
  const { packets } = host.traffic;
  await clock.advanceToNext();
  await host.next('bound');
  assert.equal([host.traffic.packets, host.traffic.unicasts], [packets, 1]);
  await farServer.stop();
}));

test('a link that is set down and up again while it is renewed', withScope(async ({ clock, scope }) => {
  const host = new Host(clock, scope);
  const address = await host.bound();
  await output(['ip', 'link', 'set', 'up0', 'down']);
  await clock.advance(62_000);
  assert.ok(host.client.lease, 'a link that is down takes no lease away');
  await output(['ip', 'link', 'set', 'up0', 'up']);
  // The kernel drops what is sent until it has noticed the carrier, up to a second later.
  await until('packets to pass', isRouterReached);
  await clock.advance(48_000);
  const event = await host.next('bound');
  assert.ok(event.kind === 'bound' && !event.isChanged);
  assert.is(event.lease.address.toString(), address);
}));

test('twenty losses of carrier while it searches', withScope(async ({ clock, scope }) => {
  const host = new Host(clock, scope);
  for (let count = 0; count < 20; count++) {
    await serverSide.output(['ip', 'link', 'set', 'down0', 'down']);
    await output(['ip', 'link', 'set', 'up0', 'down']);
    await clock.advance(100);
    await output(['ip', 'link', 'set', 'up0', 'up']);
    await serverSide.output(['ip', 'link', 'set', 'down0', 'up']);
  }
  // The kernel drops what is sent until it has noticed the carrier, up to a second later.
  while (host.client.lease === undefined) {
    await clock.advanceToNext();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.match(await host.bound(), /^192\.0\.2\./);
}));

test.run();
