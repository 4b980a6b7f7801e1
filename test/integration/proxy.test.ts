/**
 * Proxies of a real service: named by DHCP, found by DNS, set by a user, or left to pacrunner (a
 * stand-in with its published interface, since Debian has none). Seen by what reaches the proxy.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { connectBus } from '../../src/dbus/bus.ts';
import { describeInterface } from '../../src/dbus/interface.ts';
import { nodeTransport } from '../../src/dbus/transport.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { createScope, type Scope } from '../../src/shared/scope.ts';
import { busVariant, plain } from '../helpers/bus-daemon.ts';
import { SERVER_ADDRESS, withCell, type Cell } from '../helpers/cell.ts';
import { spawnTypeScript } from '../helpers/run-status-server.ts';
import { SERVICE_PATH, callConnman, isProperty } from '../helpers/wired.ts';

const PEM = resolve('test/integration/online-check-tls.pem');
const PAC_URL = `http://${SERVER_ADDRESS}:8080/proxy.pac`;
const STATUS = 'http://ipv4.connman.net/online/status.html';
const CAPTURE = `nft -f - <<'end'
flush ruleset
table ip portal {
  chain before { type nat hook prerouting priority -100; tcp dport 80 redirect to :8080; }
}
end`;

interface Scene {
  readonly cell: Cell;
  /** What reached the proxy, oldest first: method and target. */
  readonly proxied: string[];
  readonly scope: Scope;
}

async function scene(
  extra: readonly string[],
  mainConf: string,
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  const names = {
    'ipv4.connman.net': SERVER_ADDRESS,
    'status.example': SERVER_ADDRESS,
    'wpad.lan.test': SERVER_ADDRESS,
  };
  await withCell(
    {
      peers: ['nftables'],
      files: { '/etc/connman/main.conf': `[General]\n${mainConf}` },
      dnsmasq: { names, extra },
    },
    async (cell) => {
      const scope = createScope();
      const server = await spawnTypeScript(cell.server, 'test/integration/portal-server.ts', [PEM, SERVER_ADDRESS]);
      await server.waitForLine((line) => line === 'listening');
      const proxied: string[] = [];
      server.observe((line) => {
        const { name, method, path } = line.startsWith('{') ? JSON.parse(line) : {};
        if (name === 'proxy') proxied.push(`${method} ${path}`);
      });
      server.write('pac\n');
      await server.waitForLine((line) => line === 'mode pac');
      const argv = [
        'env',
        `NODE_EXTRA_CA_CERTS=${PEM}`,
        resolve('build/bin/connmand'),
        '-n',
        '-d',
        'src/proxy*:plugins/pac*',
      ];
      const daemon = await cell.startDaemon(argv, 'net.connman');
      try {
        await body({ cell, proxied, scope });
      } catch (error) {
        console.log(daemon.text);
        throw error;
      } finally {
        await scope.close();
      }
    },
  );
}

const isOnline = isProperty('Manager', 'State', 'online');

async function plug(cell: Cell): Promise<void> {
  const since = cell.cable().plug();
  await cell.log.wait('online', isOnline, { since });
}

async function propertyOf(cell: Cell, name: string): Promise<unknown> {
  const [properties] = await callConnman(cell, 'Service', 'GetProperties', SERVICE_PATH);
  return Object(properties)[name];
}

async function setProxy(cell: Cell, settings: Readonly<Record<string, unknown>>): Promise<void> {
  await cell.bus.call({
    destination: 'net.connman',
    path: SERVICE_PATH,
    interface: 'net.connman.Service',
    member: 'SetProperty',
    signature: 'sv',
    body: ['Proxy.Configuration', busVariant('a{sv}', settings)],
  });
}

async function eventually(what: string, look: () => boolean): Promise<void> {
  const until = performance.now() + 30_000;
  while (!look()) {
    if (performance.now() > until) throw new Error(`waited in vain for ${what}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

test('a PAC file that DHCP names is asked, and what a user sets counts more', () =>
  scene([`--dhcp-option=252,${PAC_URL}`], '', async ({ cell, proxied }) => {
    await plug(cell);
    assert.equal(await propertyOf(cell, 'Proxy'), { URL: PAC_URL, Method: 'auto' });
    assert.equal(await propertyOf(cell, 'Proxy.Configuration'), {});
    assert.equal(proxied, [`GET ${STATUS}`]);

    const text = (value: string): unknown => busVariant('s', value);
    const list = (...values: string[]): unknown => busVariant('as', values);
    const since = performance.now();
    await setProxy(cell, {
      Method: text('manual'),
      Servers: list(`${SERVER_ADDRESS}:3128`),
      Excludes: list('x.test'),
    });
    await eventually('the proxy to be asked', () => proxied.length === 2);
    assert.equal(await propertyOf(cell, 'Proxy'), {
      Servers: [`${SERVER_ADDRESS}:3128`],
      Excludes: ['x.test'],
      Method: 'manual',
    });
    const isCheck = (event: { kind: string }): boolean => event.kind === 'http';
    await cell.log.wait('the check through the proxy', isCheck, { since });

    const later = performance.now();
    await setProxy(cell, {
      Method: text('manual'),
      Servers: list(`${SERVER_ADDRESS}:3128`),
      Excludes: list('connman.net'),
    });
    await cell.log.wait('the check past the proxy', isCheck, { since: later });
    assert.is(proxied.length, 2);

    const last = performance.now();
    await setProxy(cell, { Method: text('direct') });
    await cell.log.wait('the direct check', isCheck, { since: last });
    assert.equal(await propertyOf(cell, 'Proxy'), { Method: 'direct' });
    assert.is(proxied.length, 2);
    for (const [settings, error] of [
      [{ Method: text('bogus') }, /InvalidArguments/],
      [{ Method: text('manual'), Servers: text('x') }, /InvalidArguments/],
      [{}, /InvalidArguments/],
    ] as const) {
      await setProxy(cell, settings).then(
        () => assert.unreachable(),
        ({ type }) => assert.match(type, error),
      );
    }
  }));

test('a PAC file is found in the domain, before the check that needs it', () =>
  scene(['--dhcp-option=15,lan.test'], '', async ({ cell, proxied }) => {
    await cell.server.script(CAPTURE);
    await plug(cell);
    assert.equal(await propertyOf(cell, 'Proxy'), { URL: 'http://wpad.lan.test/wpad.dat', Method: 'auto' });
    assert.equal(proxied, [`GET ${STATUS}`]);
  }));

test('a tunnel for an encrypted check', () =>
  scene(
    [`--dhcp-option=252,${PAC_URL}`],
    'OnlineCheckIPv4URL=https://status.example/status\n',
    async ({ cell, proxied }) => {
      await plug(cell);
      assert.equal(proxied, ['CONNECT status.example:443']);
    },
  ));

test('pacrunner is told of the default service and asked in place of us', () =>
  scene([`--dhcp-option=252,${PAC_URL}`], '', async ({ cell, proxied, scope }) => {
    const clock = new DeadlineClock(nodeTimeSource());
    const bus = await connectBus(nodeTransport(cell.busAddress, scope), { clock, closeFd: () => undefined }, scope);
    const calls: string[] = [];
    let created = 0;
    bus.export(
      '/org/pacrunner/manager',
      describeInterface({
        name: 'org.pacrunner.Manager',
        methods: {
          CreateProxyConfiguration: { in: { settings: 'a{sv}' }, out: { path: 'o' } },
          DestroyProxyConfiguration: { in: { path: 'o' } },
        },
        signals: {},
      }),
      {
        methods: {
          CreateProxyConfiguration: ({ settings }) => {
            const values = [...settings].map(([name, { value }]) => `${name}=${String(plain(value))}`);
            calls.push(`create ${values.join(' ')}`);
            return `/org/pacrunner/configuration${created++}`;
          },
          DestroyProxyConfiguration: ({ path }) => void calls.push(`destroy ${path}`),
        },
      },
      scope,
    );
    bus.export(
      '/org/pacrunner/client',
      describeInterface({
        name: 'org.pacrunner.Client',
        methods: { FindProxyForURL: { in: { url: 's', host: 's' }, out: { proxy: 's' } } },
        signals: {},
      }),
      {
        methods: {
          FindProxyForURL: ({ url, host }) => {
            calls.push(`find ${url} ${host}`);
            return `PROXY ${SERVER_ADDRESS}:3128`;
          },
        },
      },
      scope,
    );
    await bus.requestName('org.pacrunner', scope);
    await plug(cell);
    const where = `Interface=eth0 Nameservers=${SERVER_ADDRESS}`;
    assert.equal(calls, [`create Method=auto URL=${PAC_URL} ${where}`, `find ${STATUS} ipv4.connman.net`]);
    assert.equal(proxied, [`GET ${STATUS}`]);

    await setProxy(cell, { Method: busVariant('s', 'direct') });
    await eventually('the new configuration', () => calls.length === 4);
    assert.equal(calls.slice(2), ['destroy /org/pacrunner/configuration0', `create Method=direct ${where}`]);
    cell.cable().unplug();
    await eventually('the last to go', () => calls.length === 5);
    assert.is(calls[4], 'destroy /org/pacrunner/configuration1');
  }));

test.run();
