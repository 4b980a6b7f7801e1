/**
 * The DNS rows of the bench: CPU per query and latency of the proxy beside ConnMan's, dnsmasq, unbound
 * and systemd-resolved in one run, each in a fresh cell with dnsmasq as the server behind it and
 * dnsperf as the client.
 * `npm run bench -- dns [--rounds N] [--only NAMES] [--rows cached,steady,forwarded,tcp,listing] [--no-build]`.
 */

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/shared/errors.ts';
import { SERVER_ADDRESS, STATUS_NAMES, withCell, type Cell } from '../../test/helpers/cell.ts';
import { DAEMONS } from '../../test/helpers/daemons.ts';
import { becomeRoot } from '../lab/become-root.ts';
import type { Figures } from './cells.ts';
import { allAddressed, plugAll } from './links.ts';
import { cpuMs, memory } from './process.ts';
import { build, load, machine } from './setting.ts';
import { formatTable, median } from './table.ts';

/** One that answers questions in a cell's device. */
interface Responder {
  readonly title: string;
  readonly peers: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly isChecksumOffloaded?: boolean;
  /** What it is when it manages connections as well. */
  readonly manager?: 'causeway' | 'debian';
  /** Starts it; where it answers, and its process. */
  start(cell: Cell): Promise<{ readonly pid: number; readonly address: string }>;
}

const CACHED_NAMES = 1000;
const FORWARDED_NAMES = 20_000;
const SECONDS = 3;
const LISTED = 100;

const RESPONDERS: Readonly<Record<string, Responder>> = {
  causeway: {
    title: 'Causeway',
    peers: [],
    manager: 'causeway',
    start: (cell) => startManager(cell, 'causeway'),
  },
  connman: {
    title: 'ConnMan (Debian)',
    peers: ['connman', 'ethtool'],
    files: { '/etc/connman/main.conf': '[General]\n' },
    isChecksumOffloaded: false,
    manager: 'debian',
    start: (cell) => startManager(cell, 'debian'),
  },
  dnsmasq: {
    title: 'dnsmasq',
    peers: [],
    start: (cell) => startServer(cell, [
      'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--listen-address=127.0.0.1',
      '--bind-interfaces', `--server=${SERVER_ADDRESS}`, '--cache-size=10000',
    ]),
  },
  unbound: {
    title: 'unbound',
    peers: ['unbound'],
    files: { '/etc/connman/unbound.conf': unboundConfiguration() },
    start: (cell) => startServer(cell, ['unbound', '-d', '-c', '/etc/connman/unbound.conf']),
  },
  resolved: {
    title: 'systemd-resolved',
    peers: ['systemd-resolved'],
    files: { '/etc/connman/resolved.conf': resolvedConfiguration() },
    start: async (cell) => {
      await cell.device.script('install -d -m 755 /run/systemd/resolved.conf.d; '
        + 'grep -q ^systemd-resolve: /etc/passwd || echo systemd-resolve:x:995:995::/:/bin/false >>/etc/passwd; '
        + 'grep -q ^systemd-resolve: /etc/group || echo systemd-resolve:x:995: >>/etc/group; '
        + 'cp /etc/connman/resolved.conf /run/systemd/resolved.conf.d/bench.conf; '
        + 'chmod 644 /run/systemd/resolved.conf.d/*; '
        + 'install -d -o systemd-resolve -g systemd-resolve /run/systemd/resolve');
      const { pid } = await startServer(cell, ['/usr/lib/systemd/systemd-resolved']);
      return { pid, address: '127.0.0.53' };
    },
  },
};

function unboundConfiguration(): string {
  return ['server:', 'interface: 127.0.0.1', 'do-daemonize: no', 'chroot: ""', 'username: ""', 'pidfile: ""',
    'num-threads: 1', 'module-config: "iterator"', 'use-syslog: no', 'do-not-query-localhost: no', 'forward-zone:',
    'name: "."', `forward-addr: ${SERVER_ADDRESS}`, 'remote-control:', 'control-enable: no', ''].join('\n');
}

function resolvedConfiguration(): string {
  return `[Resolve]\nDNS=${SERVER_ADDRESS}\nDomains=~.\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\n`;
}

async function startManager(cell: Cell, name: 'causeway' | 'debian'): Promise<{ pid: number; address: string }> {
  const daemon = DAEMONS[name];
  const running = await cell.startDaemon(daemon.argv, daemon.busName);
  const since = cell.cable().plug();
  await cell.log.wait('the device to be ready', (event) => daemon.isReady(event), { since });
  return { pid: running.pid, address: '127.0.0.1' };
}

async function startServer(cell: Cell, words: readonly string[]): Promise<{ pid: number; address: string }> {
  cell.cable().plug();
  await cell.device.script(`ip link set eth0 up
ip address add 10.77.9.9/20 dev eth0
ip route add default via ${SERVER_ADDRESS}`);
  const running = cell.device.spawn(words);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return { pid: running.pid, address: '127.0.0.1' };
}

function names(prefix: string, count: number): string {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}.bench.net A\n`).join('');
}

type Rows = (run: Run, cell: Cell) => Promise<Figures>;

/** What can be asked for with `--rows`, beside `listing`. All are measured warm: the proxy is compiled as it runs. */
const ROWS: Readonly<Record<string, Rows>> = {
  cached: async (run) => {
    const { cpuUs, perSecond } = await run.ask(['-d', '/run/cached', '-l', `${SECONDS}`, '-c', '4', '-q', '100']);
    return {
      'cached UDP, µs CPU a query': cpuUs,
      'cached UDP, thousand a second': perSecond === undefined ? undefined : perSecond / 1000,
    };
  },
  steady: async (run) => {
    const { cpuUs, p50Us, p99Us } = await run.ask(['-d', '/run/cached', '-l', `${SECONDS}`, '-Q', '2000', '-v']);
    return {
      'cached UDP at 2000/s, µs CPU': cpuUs,
      'cached UDP at 2000/s, p50 µs': p50Us,
      'cached UDP at 2000/s, p99 µs': p99Us,
    };
  },
  forwarded: async (run, cell) => {
    const figures: (number | undefined)[] = [];
    for (const part of ['a', 'b', 'c', 'd', 'e', 'f']) {
      writeFileSync(cell.device.path(`/run/fresh-${part}`), names(part, FORWARDED_NAMES));
      figures.push((await run.ask(['-d', `/run/fresh-${part}`, '-n', '1', '-q', '20'])).cpuUs);
    }
    return { 'forwarded UDP, µs CPU a query': median(figures.slice(-3)) };
  },
  tcp: async (run) => {
    await run.ask(['-d', '/run/cached', '-n', '1', '-q', '50']);
    const words = ['-d', '/run/cached', '-l', `${SECONDS}`, '-m', 'tcp', '-c', '4', '-q', '100'];
    return { 'cached TCP, µs CPU a query': (await run.ask(words)).cpuUs };
  },
};
const LISTING = 'listing';

/** One round of some rows, each told as soon as it is known. */
async function measure(responder: Responder, rows: readonly string[]): Promise<Figures> {
  const dnsmasq = { names: { ...STATUS_NAMES, 'bench.net': '10.9.9.9' }, extra: ['--local-ttl=3600'] };
  const { peers, files = {}, isChecksumOffloaded = true } = responder;
  return withCell({ peers: ['dnsperf', ...peers], files, dnsmasq, isChecksumOffloaded }, async (cell) => {
    const { pid, address } = await responder.start(cell);
    writeFileSync(cell.device.path('/run/cached'), names('n', CACHED_NAMES));
    const run = new Run(cell, pid, address);
    await run.ask(['-d', '/run/cached', '-l', '2', '-q', '50']);
    const all: Record<string, Figures[string]> = {};
    for (const row of rows) {
      const figures = (await ROWS[row]?.(run, cell)) ?? {};
      tell(figures);
      Object.assign(all, figures);
    }
    return { ...all, 'PSS afterwards, MB': memory(pid).pssKb / 1024 };
  });
}

function tell(figures: Figures): void {
  for (const [row, figure] of Object.entries(figures)) {
    process.stderr.write(`  ${row}: ${typeof figure === 'number' ? figure.toFixed(1) : figure ?? '–'}\n`);
  }
}

/** Questions while a client lists 100 services again and again; of those who are no managers nothing. */
async function measureWhileListing({ manager }: Responder): Promise<Figures> {
  if (manager === undefined) return {};
  const daemon = DAEMONS[manager];
  const { peers = [], files = {} } = daemon.cell;
  const dnsmasq = { names: { ...STATUS_NAMES, 'bench.net': '10.9.9.9' }, extra: ['--local-ttl=3600'] };
  return withCell({ peers: ['dnsperf', ...peers], files, dnsmasq, cables: LISTED }, async (cell) => {
    await plugAll(cell, LISTED);
    const { pid } = await cell.startDaemon(daemon.argv, daemon.busName);
    await allAddressed(cell, LISTED, performance.now(), 60_000);
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
    writeFileSync(cell.device.path('/run/cached'), names('n', CACHED_NAMES));
    const run = new Run(cell, pid, '127.0.0.1');
    await run.ask(['-d', '/run/cached', '-l', '2', '-q', '50']);
    let isAsking = true;
    const call = { destination: 'net.connman', path: '/', interface: 'net.connman.Manager', member: 'GetServices' };
    const listing = (async (): Promise<number> => {
      let calls = 0;
      for (; isAsking; calls++) await cell.bus.call(call);
      return calls;
    })();
    const { p99Us } = await run.ask(['-d', '/run/cached', '-l', `${SECONDS}`, '-Q', '500', '-v']);
    isAsking = false;
    const figures = {
      'while 100 services are listed, p99 µs': p99Us,
      'lists a second meanwhile': (await listing) / SECONDS,
    };
    tell(figures);
    return figures;
  });
}

interface Asked {
  readonly cpuUs: number | undefined;
  readonly perSecond: number | undefined;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
}

const NOTHING: Asked = { cpuUs: undefined, perSecond: undefined, p50Us: undefined, p99Us: undefined };

class Run {
  readonly #cell: Cell;
  readonly #pid: number;
  readonly #address: string;

  constructor(cell: Cell, pid: number, address: string) {
    this.#cell = cell;
    this.#pid = pid;
    this.#address = address;
  }

  async ask(words: readonly string[]): Promise<Asked> {
    const before = cpuMs(this.#pid);
    const { stdout } = await this.#cell.device.run(['dnsperf', '-s', this.#address, '-t', '2', ...words]);
    const spentMs = cpuMs(this.#pid) - before;
    const completed = Number(/Queries completed:\s+(\d+)/.exec(stdout)?.[1] ?? 0);
    const sent = Number(/Queries sent:\s+(\d+)/.exec(stdout)?.[1] ?? 0);
    const seconds = Number(/Run time \(s\):\s+([\d.]+)/.exec(stdout)?.[1] ?? 0);
    // One that loses a tenth of its questions cannot be compared.
    if (completed === 0 || completed < 0.9 * sent) return NOTHING;
    const latencies = [...stdout.matchAll(/^> NOERROR .* ([\d.]+)$/gm)].map(([, text]) => Number(text) * 1e6)
      .sort((one, other) => one - other);
    return {
      cpuUs: (spentMs * 1000) / completed,
      perSecond: completed / seconds,
      p50Us: latencies[Math.floor(latencies.length * 0.5)],
      p99Us: latencies[Math.floor(latencies.length * 0.99)],
    };
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      only: { type: 'string', default: Object.keys(RESPONDERS).join(',') },
      rows: { type: 'string', default: [...Object.keys(ROWS), LISTING].join(',') },
      'no-build': { type: 'boolean', default: false },
    },
  });
  const rows = values.rows.split(',');
  for (const row of rows) {
    if (ROWS[row] === undefined && row !== LISTING) {
      throw new Error(`unknown rows ${row}: ${[...Object.keys(ROWS), LISTING].join(', ')}`);
    }
  }
  becomeRoot();
  if (!values['no-build']) build();
  const chosen = values.only.split(',').map((name) => {
    const responder = RESPONDERS[name];
    if (responder === undefined) throw new Error(`unknown responder ${name}: ${Object.keys(RESPONDERS).join(', ')}`);
    return { heading: responder.title, responder, rounds: [] as Figures[] };
  });
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const each of round % 2 === 0 ? chosen : chosen.toReversed()) {
      process.stderr.write(`round ${round + 1}: ${each.heading}\n`);
      const inCell = rows.filter((row) => row !== LISTING);
      each.rounds.push({
        ...(inCell.length > 0 ? await measure(each.responder, inCell) : {}),
        ...(rows.includes(LISTING) ? await measureWhileListing(each.responder) : {}),
      });
    }
  }
  console.log(formatTable(chosen));
  console.log(`\n${machine()}; medians of ${values.rounds} rounds, load at the end ${load()}.`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
