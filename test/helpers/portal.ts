/**
 * Captive portals in front of a real daemon: nft(8) leads the device's port 80 to the portal of
 * test/integration/portal-server.ts, over both families, and an agent on the bus is asked.
 */

import { resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { connectBus, type Bus } from '../../src/dbus/bus.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import { agentInterface } from '../../src/dbus/interfaces/agent.ts';
import { managerInterface } from '../../src/dbus/interfaces/manager.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import { nodeTransport } from '../../src/dbus/transport.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { createScope, type Scope } from '../../src/shared/scope.ts';
import { SERVER_ADDRESS, withCell, type Cell, type CellOptions } from './cell.ts';
import type { Child } from './child.ts';
import { patience } from './patience.ts';
import { spawnTypeScript } from './run-status-server.ts';
import { callConnman, isProperty } from './wired.ts';

const PEM = resolve('test/integration/online-check-tls.pem');
const CAPTURE = ['ip', 'ip6'].map((family) => `table ${family} portal {
  chain before { type nat hook prerouting priority -100; tcp dport 80 redirect to :8080; }
}`).join('\n');

/** Whom a portal's names belong to, over IPv4. */
export const PORTAL_NAMES = { 'ipv4.connman.net': SERVER_ADDRESS, 'status.example': SERVER_ADDRESS } as const;

interface Request {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly host: string;
  /** Who asked. */
  readonly client: string;
}

/** The portal, with what it was asked. */
export class Portal {
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
    await server.waitForLine((line) => line === 'listening', 60_000);
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
export class TestAgent {
  readonly heard: string[] = [];
  onBrowser: (url: string) => Promise<void> = () => Promise.resolve();
  onInput: (fields: ReadonlyMap<string, Variant>) => Promise<ReadonlyMap<string, Variant>> = () => refuse('Canceled');

  static async register(cell: Cell, scope: Scope): Promise<{ agent: TestAgent; bus: Bus }> {
    const agent = new TestAgent();
    const clock = new DeadlineClock(nodeTimeSource());
    const bus = await connectBus(nodeTransport(cell.busAddress, scope), { clock, closeFd: () => undefined }, scope);
    const methods = {
      Release: () => void agent.heard.push('Release'),
      Cancel: () => void agent.heard.push('Cancel'),
      ReportError: () => undefined,
      ReportPeerError: () => undefined,
      RequestPeerAuthorization: () => new Map<string, Variant>(),
      RequestBrowser: ({ service, url }: { service: string; url: string }) => {
        agent.heard.push(`RequestBrowser ${service} ${url}`);
        return agent.onBrowser(url);
      },
      RequestInput: ({ service, fields }: { service: string; fields: ReadonlyMap<string, Variant> }) => {
        agent.heard.push(`RequestInput ${service} ${[...fields.keys()]}`);
        return agent.onInput(fields);
      },
    };
    bus.export('/agent', agentInterface, { methods }, scope);
    await bus.proxy(managerInterface, 'net.connman', '/').RegisterAgent({ path: '/agent' });
    return { agent, bus };
  }

  async asked(what: string, times = 1): Promise<void> {
    await eventually(`${what} (${times})`, () => this.heard.filter((each) => each.startsWith(what)).length >= times);
  }
}

/** Looks until there is something to see. */
export async function eventually<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const until = performance.now() + patience(60_000);
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > until) throw new Error(`waited in vain for ${what}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

/** An agent's refusal. */
export function refuse(error: string): Promise<never> {
  return Promise.reject(new DBusError(`net.connman.Agent.Error.${error}`, error));
}

/** An agent's answer. */
export function credentials(username: string, password: string): Promise<ReadonlyMap<string, Variant>> {
  return Promise.resolve(new Map([['Username', variant('s', username)], ['Password', variant('s', password)]]));
}

/** Who plays. */
export interface PortalScene {
  readonly cell: Cell;
  readonly portal: Portal;
  readonly agent: TestAgent;
  readonly bus: Bus;
}

/** What differs from a network with DHCP that says nothing of its portal. */
export interface PortalOptions {
  readonly dnsmasq?: CellOptions['dnsmasq'];
  /** For the daemon. */
  readonly words?: readonly string[];
}

/** A portal, a daemon and an agent; the cable is not plugged in yet. */
export function withPortal(options: PortalOptions, body: (scene: PortalScene) => Promise<void>): Promise<void> {
  const { dnsmasq = { names: PORTAL_NAMES }, words = [] } = options;
  const files = { '/etc/connman/main.conf': '[General]\n' };
  return withCell({ peers: ['nftables'], files, dnsmasq }, async (cell) => {
    const scope = createScope();
    let daemon: Child | undefined;
    try {
      const portal = await Portal.start(cell);
      const argv = [
        'env', `NODE_EXTRA_CA_CERTS=${PEM}`, resolve('build/bin/connmand'), '-n',
        '-d', 'plugins/wispr.ts:src/daemon/confined/*:src/online-check/*', ...words,
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
  });
}

/** The device got out. */
export const isOnline = isProperty('Manager', 'State', 'online');

/** The manager's State now. */
export async function stateOf(cell: Cell): Promise<unknown> {
  const [properties] = await callConnman(cell, 'Manager', 'GetProperties');
  return Object(properties).State;
}

/** Plugs the cable in, and waits until the device is ready; when it was plugged in. */
export async function plug(cell: Cell): Promise<number> {
  const since = cell.cable().plug();
  await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
  return since;
}

/** Pulls the cable, and waits until the device is idle. */
export async function unplug(cell: Cell): Promise<void> {
  const since = cell.cable().unplug();
  await cell.log.wait('idle', isProperty('Manager', 'State', 'idle'), { since });
}
