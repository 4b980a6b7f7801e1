/**
 * Captive portals in front of a real daemon: what looks like an operator's, what is meant to break us,
 * an agent that is asked, and the way out. nft(8) leads the device's port 80 to the portal.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DBusError } from '../../src/dbus/errors.ts';
import { connectBus, type Bus } from '../../src/dbus/bus.ts';
import { agentInterface } from '../../src/dbus/interfaces/agent.ts';
import { managerInterface } from '../../src/dbus/interfaces/manager.ts';
import { nodeTransport } from '../../src/dbus/transport.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { createScope, type Scope } from '../../src/shared/scope.ts';
import { SERVER_ADDRESS, withCell, type Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import { spawnTypeScript } from '../helpers/run-status-server.ts';
import { SERVICE_PATH, callConnman, isProperty } from '../helpers/wired.ts';

const PEM = resolve('test/integration/online-check-tls.pem');
const CAPTURE = `table ip portal {
  chain before { type nat hook prerouting priority -100; tcp dport 80 redirect to :8080; }
}`;

interface Request {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly host: string;
}

/** The portal, with what it was asked. */
class Portal {
  readonly requests: Request[] = [];
  readonly #cell: Cell;
  readonly #server: Child;

  private constructor(cell: Cell, server: Child) {
    this.#cell = cell;
    this.#server = server;
    server.observe((line) => {
      if (line.startsWith('{')) this.requests.push(JSON.parse(line));
    });
  }

  static async start(cell: Cell): Promise<Portal> {
    const server = await spawnTypeScript(cell.server, 'test/integration/portal-server.ts', [PEM, SERVER_ADDRESS]);
    await server.waitForLine((line) => line === 'listening');
    return new Portal(cell, server);
  }

  /** Takes the device captive, and plays that part. */
  async capture(mode: string): Promise<void> {
    this.requests.length = 0;
    this.#server.write(`${mode}\n`);
    await this.#server.waitForLine((line) => line === `mode ${mode}`);
    await this.#cell.server.script(`nft -f - <<'end'\nflush ruleset\n${CAPTURE}\nend`);
  }

  async release(): Promise<void> {
    await this.#cell.server.output(['nft', 'flush', 'ruleset']);
  }

  async asked(name: string): Promise<Request> {
    return await eventually(`the portal's ${name} to be asked`, () =>
      this.requests.find((each) => each.name === name),
    );
  }
}

/** An agent, with what it was asked. */
class TestAgent {
  readonly heard: string[] = [];
  onBrowser: (url: string) => Promise<void> = () => Promise.resolve();
  onInput: (fields: ReadonlyMap<string, Variant>) => Promise<ReadonlyMap<string, Variant>> = () => refuse('Canceled');

  static async register(cell: Cell, scope: Scope): Promise<{ agent: TestAgent; bus: Bus }> {
    const agent = new TestAgent();
    const bus = await connectBus(nodeTransport(cell.busAddress, scope), { clock, closeFd: () => undefined }, scope);
    bus.export(
      '/agent',
      agentInterface,
      {
        methods: {
          Release: () => void agent.heard.push('Release'),
          Cancel: () => void agent.heard.push('Cancel'),
          ReportError: () => undefined,
          ReportPeerError: () => undefined,
          RequestPeerAuthorization: () => new Map(),
          RequestBrowser: ({ service, url }) => {
            agent.heard.push(`RequestBrowser ${service} ${url}`);
            return agent.onBrowser(url);
          },
          RequestInput: ({ service, fields }) => {
            agent.heard.push(`RequestInput ${service} ${[...fields.keys()]}`);
            return agent.onInput(fields);
          },
        },
      },
      scope,
    );
    await bus.proxy(managerInterface, 'net.connman', '/').RegisterAgent({ path: '/agent' });
    return { agent, bus };
  }

  async asked(what: string, times = 1): Promise<void> {
    await eventually(`${what} (${times})`, () => this.heard.filter((each) => each.startsWith(what)).length >= times);
  }
}

const clock = new DeadlineClock(nodeTimeSource());

async function eventually<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const until = performance.now() + 60_000;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > until) throw new Error(`waited in vain for ${what}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

function refuse(error: string): Promise<never> {
  return Promise.reject(new DBusError(`net.connman.Agent.Error.${error}`, error));
}

const credentials = (username: string, password: string) =>
  Promise.resolve(
    new Map([
      ['Username', variant('s', username)],
      ['Password', variant('s', password)],
    ]),
  );

interface Scene {
  readonly cell: Cell;
  readonly portal: Portal;
  readonly agent: TestAgent;
  readonly bus: Bus;
}

async function scene(
  body: (scene: Scene) => Promise<void>,
  mainConf = '',
  extra: readonly string[] = [],
  words: readonly string[] = [],
): Promise<void> {
  await withCell(
    {
      peers: ['nftables'],
      files: { '/etc/connman/main.conf': `[General]\n${mainConf}` },
      dnsmasq: { names: { 'ipv4.connman.net': SERVER_ADDRESS, 'status.example': SERVER_ADDRESS }, extra },
    },
    async (cell) => {
      const scope = createScope();
      let daemon: Child | undefined;
      try {
        const portal = await Portal.start(cell);
        const argv = [
          'env',
          `NODE_EXTRA_CA_CERTS=${PEM}`,
          resolve('build/bin/connmand'),
          '-n',
          '-d',
          'plugins/wispr.ts:src/daemon/confined/*:src/online-check/*',
          ...words,
        ];
        daemon = await cell.startDaemon(argv, 'net.connman');
        const { agent, bus } = await TestAgent.register(cell, scope);
        await body({ cell, portal, agent, bus });
        assert.is(await Promise.race([daemon.exited, Promise.resolve('alive')]), 'alive');
      } catch (error) {
        console.log(daemon?.text);
        throw error;
      } finally {
        await scope.close();
      }
    },
  );
}

const isOnline = isProperty('Manager', 'State', 'online');
const isReady = isProperty('Manager', 'State', 'ready');
const stateOf = async (cell: Cell): Promise<unknown> =>
  Object(await callConnman(cell, 'Manager', 'GetProperties').then(([properties]) => properties)).State;

/** Plugs the cable in, and waits until the device is ready. */
async function plug(cell: Cell): Promise<number> {
  const since = cell.cable().plug();
  await cell.log.wait('ready', isReady, { since });
  return since;
}

async function unplug(cell: Cell): Promise<void> {
  const since = cell.cable().unplug();
  await cell.log.wait('idle', isProperty('Manager', 'State', 'idle'), { since });
}

test('a WISPr login: proxy message, redirect, TLS, a wrong password, a pending one, and online', () =>
  scene(async ({ cell, portal, agent }) => {
    await portal.capture('wispr');
    const answers = [credentials('guest', 'wrong'), credentials('guest', 'o pen&')];
    agent.onInput = () => answers.shift() ?? refuse('Canceled');
    const since = await plug(cell);
    await cell.log.wait('online', isOnline, { since });
    assert.equal(agent.heard, Array(2).fill(`RequestInput ${SERVICE_PATH} Username,Password`));
    const posts = portal.requests
      .filter(({ method }) => method === 'POST')
      .map(({ path, body }) => `${path} ${body}`);
    const form = (password: string): string =>
      `/login?x=1&y=2 button=Login&UserName=guest&Password=${password}&FNAME=0&OriginatingServer=` +
      encodeURIComponent('http://ipv4.connman.net/online/status.html');
    assert.equal(posts, [form('wrong'), form('o+pen%26')]);
    const polls = portal.requests.filter(({ path }) => path === '/poll');
    assert.is(polls.length, 2);
  }));

test('a WISPr login through the proxy that the network names', () =>
  scene(
    async ({ cell, portal, agent }) => {
      await portal.capture('wispr-proxy');
      agent.onInput = () => credentials('guest', 'o pen&');
      const since = await plug(cell);
      await cell.log.wait('online', isOnline, { since });
      const proxied = portal.requests
        .filter(({ name }) => name === 'proxy')
        .map(({ method, path }) => `${method} ${path}`);
      assert.ok(proxied.length >= 5, proxied.join('\n'));
      assert.equal([...new Set(proxied)], ['CONNECT status.example:443']);
    },
    '',
    [`--dhcp-option=252,http://${SERVER_ADDRESS}:8080/proxy.pac`],
  ));

test('an agent that would rather have a browser, one that refuses, and one that has been out', () =>
  scene(async ({ cell, portal, agent, bus }) => {
    await portal.capture('wispr');
    agent.onInput = () => refuse('LaunchBrowser');
    agent.onBrowser = () => refuse('Canceled');
    await plug(cell);
    await agent.asked('RequestBrowser');
    assert.equal(agent.heard, [
      `RequestInput ${SERVICE_PATH} Username,Password`,
      `RequestBrowser ${SERVICE_PATH} https://status.example/welcome?a=1&b=2`,
    ]);

    // Refused: the checks go on, the user is left alone, and the way may open by itself.
    await portal.capture('html');
    const since = performance.now();
    await portal.asked('captured');
    await portal.release();
    await cell.log.wait('online', isOnline, { since });
    assert.is(agent.heard.length, 2);

    await unplug(cell);
    await portal.capture('html');
    agent.heard.length = 0;
    agent.onBrowser = async () => portal.release();
    const again = await plug(cell);
    await cell.log.wait('online', isOnline, { since: again });
    assert.equal(agent.heard, [`RequestBrowser ${SERVICE_PATH} http://ipv4.connman.net/online/status.html`]);

    // One who says at once that he has been, and has not, is not asked without end.
    await unplug(cell);
    await portal.capture('html');
    agent.onBrowser = () => Promise.resolve();
    agent.heard.length = 0;
    await plug(cell);
    await eventually('five checks', () => portal.requests.filter(({ name }) => name === 'captured').length >= 5);
    assert.is(agent.heard.length, 1);

    // Nobody is there to be asked, then somebody is.
    await unplug(cell);
    const manager = bus.proxy(managerInterface, 'net.connman', '/');
    await manager.UnregisterAgent({ path: '/agent' });
    await portal.capture('html');
    agent.heard.length = 0;
    await plug(cell);
    await eventually('a check', () => portal.requests.length >= 2);
    await manager.RegisterAgent({ path: '/agent' });
    await agent.asked('RequestBrowser');

    // The question is withdrawn with the cable.
    await unplug(cell);
    await portal.capture('html');
    agent.onBrowser = () => new Promise(() => undefined);
    agent.heard.length = 0;
    await plug(cell);
    await agent.asked('RequestBrowser');
    cell.cable().unplug();
    await agent.asked('Cancel');
  }));

test('what hostile portals send ends in a browser or in nothing, and the daemon goes on', () =>
  scene(async ({ cell, portal, agent }) => {
    agent.onBrowser = () => refuse('Canceled');
    agent.onInput = () => refuse('Canceled');
    for (const mode of ['loop', 'bomb', 'nul', 'body', 'headers', 'bytewise']) {
      await portal.capture(mode);
      agent.heard.length = 0;
      await plug(cell);
      await portal.asked('captured');
      if (mode === 'bytewise') await agent.asked('RequestInput');
      else if (mode !== 'nul' && mode !== 'headers') await agent.asked('RequestBrowser');
      assert.is(await stateOf(cell), 'ready', mode);
      await unplug(cell);
    }

    // A reply after the service is gone, and two checks that overtake each other.
    await portal.capture('late');
    await plug(cell);
    await portal.asked('captured');
    await unplug(cell);
    await portal.release();
    const since = await plug(cell);
    await cell.log.wait('online', isOnline, { since });
  }));

test('without the plugin wispr a browser is asked for at once', () =>
  scene(
    async ({ cell, portal, agent }) => {
      await portal.capture('wispr');
      agent.onInput = () => credentials('guest', 'o pen&');
      agent.onBrowser = async () => portal.release();
      const since = await plug(cell);
      await cell.log.wait('online', isOnline, { since });
      assert.equal(agent.heard.map((each) => each.split(' ')[0]), ['RequestBrowser']);
    },
    '',
    [],
    ['--noplugin=wispr'],
  ));

test('a portal that DHCPv6 tells of (option 103)', () =>
  scene(
    async ({ cell, portal, agent }) => {
      await cell.server.script(`ip -6 address add 2001:db8:1::1/64 dev bridge nodad`);
      const server = cell.server.spawn([
        'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--interface=bridge', '--bind-interfaces',
        '--enable-ra', '--ra-param=bridge,4,12', '--dhcp-range=2001:db8:1::100,2001:db8:1::1ff,64,10m',
        '--dhcp-option-force=option6:103,https://status.example/api', '--dhcp-leasefile=/run/dnsmasq6.leases',
      ]);
      await server.waitForLine((line) => /: started, /.test(line));
      await portal.capture('api');
      // The probe over IPv4 may find the portal before DHCPv6 has told of it.
      agent.onBrowser = async (url) => {
        if (url.endsWith('/buy')) await portal.capture('free').then(() => portal.release());
      };
      const since = cell.cable().plug();
      await agent.asked(`RequestBrowser ${SERVICE_PATH} https://status.example/buy`);
      await cell.log.wait('online', isOnline, { since });
    },
  ));

test('a network that tells of its portal is believed before the probe (RFC 8910, RFC 8908)', () =>
  scene(
    async ({ cell, portal, agent }) => {
      await portal.capture('api');
      agent.onBrowser = async () => portal.capture('free').then(() => portal.release());
      const since = cell.cable().plug();
      await cell.log.wait('online', isOnline, { since });
      assert.equal(agent.heard, [`RequestBrowser ${SERVICE_PATH} https://status.example/buy`]);
      const [check] = await cell.bus.call({
        destination: 'net.connman',
        path: SERVICE_PATH,
        interface: 'org.freedesktop.DBus.Properties',
        member: 'Get',
        signature: 'ss',
        body: ['net.causeway.Service1', 'OnlineCheck'],
      });
      const { Next: next } = Object(check);
      assert.ok(next > 3000 && next <= 3600, `asked again when the session ends: ${next}`);
    },
    '',
    ['--dhcp-option-force=114,https://status.example/api'],
  ));

test.run();
