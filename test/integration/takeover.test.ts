/**
 * From ConnMan to ours and back: each takes over what the other has stored. Debian's connmand wrote
 * test/oracle/storage.json (`npm run test:oracle`); what ours writes is given to the real one.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { appendUsage, decodeUsage } from '../../src/counter/data-file.ts';
import { connectBus } from '../../src/dbus/bus.ts';
import { counterInterface } from '../../src/dbus/interfaces/counter.ts';
import { managerInterface } from '../../src/dbus/interfaces/manager.ts';
import type { Variant } from '../../src/dbus/signature.ts';
import { nodeTransport } from '../../src/dbus/transport.ts';
import { NO_USAGE } from '../../src/service/statistics.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { parseKeyFile } from '../../src/shared/keyfile.ts';
import { createScope } from '../../src/shared/scope.ts';
import type { Cell, CellOptions } from '../helpers/cell.ts';
import { withCell } from '../helpers/cell.ts';
import { DAEMONS, type Daemon } from '../helpers/daemons.ts';
import { callConnman, isListed, isProperty, SERVICE } from '../helpers/wired.ts';
import { configured, fill, readBack, settingsOf } from '../oracle/storage.ts';

const CELL: CellOptions = { cables: 2, files: { '/etc/connman/main.conf': '[General]\nOnlineCheckMode=none\n' } };
/** Keys that a connection renews. */
const RENEWED = ['Modified', 'IPv4.DHCP.LastAddress'];

test('what ConnMan stored is taken over, and nothing of it is lost', () => {
  const stored: Record<string, string> = JSON.parse(readFileSync('test/oracle/storage.json', 'utf8'));
  return withCell({ ...CELL, files: { ...CELL.files, ...stored } }, async (cell) => {
    const running = await cell.startDaemon(DAEMONS.causeway.argv, DAEMONS.causeway.busName);
    const since = performance.now();
    cell.cable(1).plug();
    cell.cable(0).plug();
    await cell.log.wait('ready', isProperty('Service', 'State', 'ready'), { since });
    await expectConfigured(cell);
    assert.match(messages(cell, since)[0] ?? '', /^DHCPREQUEST\(bridge\) 10\.77\./, 'asked for by name');
    await running.stop();
    assert.equal(keysOf(settingsOf(cell)), keysOf(stored));
  });
});

test('what ours stored is taken over by ConnMan', () => {
  const peers: CellOptions = { peers: ['connman', 'ethtool'], isChecksumOffloaded: false };
  return withCell({ ...CELL, ...peers }, async (cell) => {
    await fill(cell, DAEMONS.causeway);
    let said = await takenOver(cell);
    // A first packet that a cable loses makes ConnMan begin anew: then it has another go.
    for (let left = 2; left > 0 && !asksByName(said); left--) said = await takenOver(cell);
    assert.ok(asksByName(said), `the address we were lent is asked for by name: ${said.join('; ')}`);
  });
});

/** More than a test's traffic; the file's numbers have 32 bits. */
const COUNTED = 3_000_000_000;
/** What a test's own traffic adds at most. */
const LITTLE = 10_000_000;

test('what was counted goes on being counted, by ConnMan and by ours', () => {
  const peers: CellOptions = { peers: ['connman', 'ethtool'], isChecksumOffloaded: false };
  return withCell({ ...CELL, cables: 1, ...peers }, async (cell) => {
    await counted(cell, DAEMONS.causeway, () => undefined);
    const file = cell.device.path(`/var/lib/connman/${SERVICE}/data`);
    const own = decodeUsage(readFileSync(file));
    assert.ok(own !== undefined && own.home.rxBytes < LITTLE, 'ours counted, and wrote it down');
    const usage = { home: { ...own.home, rxBytes: COUNTED, timeSec: 100_000 }, roaming: { ...NO_USAGE, txBytes: 77 } };
    writeFileSync(file, appendUsage(readFileSync(file), usage, Math.floor(Date.now() / 1000)));
    let last = { bytes: COUNTED, seconds: 100_000 };
    for (const daemon of [DAEMONS.debian, DAEMONS.causeway, DAEMONS.debian]) {
      await counted(cell, daemon, (home, roaming) => {
        const [bytes, seconds] = [Number(home['RX.Bytes']), Number(home['Time'])];
        assert.ok(bytes >= last.bytes && bytes < COUNTED + LITTLE, `${daemon.title}: ${bytes} bytes`);
        assert.ok(seconds >= last.seconds && seconds < 110_000, `${daemon.title}: ${seconds} s`);
        assert.is(roaming['TX.Bytes'], 77, daemon.title);
        last = { bytes, seconds };
      });
      const stored = decodeUsage(readFileSync(file));
      assert.ok((stored?.home.rxBytes ?? 0) >= last.bytes, `${daemon.title} wrote it down`);
      assert.is(stored?.roaming.txBytes, 77);
    }
  });
});

test.run();

type Counters = Readonly<Record<string, unknown>>;

/** Runs a daemon until the cable's service is ready, and looks at what its counters say first. */
async function counted(cell: Cell, daemon: Daemon, look: (home: Counters, roaming: Counters) => void): Promise<void> {
  const scope = createScope();
  const running = await cell.startDaemon(daemon.argv, daemon.busName);
  try {
    const clock = new DeadlineClock(nodeTimeSource());
    const bus = await connectBus(nodeTransport(cell.busAddress, scope), { clock, closeFd: () => undefined }, scope);
    const plain = (counters: ReadonlyMap<string, Variant>): Counters =>
      Object.fromEntries([...counters].map(([key, { value }]) => [key, value]));
    const told = new Promise<[Counters, Counters]>((resolve) => {
      const methods = {
        Release: () => undefined,
        Usage: ({ home, roaming }: { home: ReadonlyMap<string, Variant>; roaming: ReadonlyMap<string, Variant> }) =>
          resolve([plain(home), plain(roaming)]),
      };
      bus.export('/counter', counterInterface, { methods }, scope);
    });
    const since = cell.cable().plug();
    await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
    await bus.proxy(managerInterface, 'net.connman', '/').RegisterCounter({ path: '/counter', accuracy: 1, period: 1 });
    look(...(await told));
    // A service that is not kept keeps no usage.
    await cell.device.script(`until test -s /var/lib/connman/${SERVICE}/settings; do sleep 0.05; done`);
    const unpluggedAt = cell.cable().unplug();
    await cell.log.wait('idle', isProperty('Manager', 'State', 'idle'), { since: unpluggedAt });
  } finally {
    await running.stop();
    await scope.close();
  }
}

/** Starts Debian's connmand on what is stored, sees that all is as configured, and stops it: what DHCP said. */
async function takenOver(cell: Cell): Promise<string[]> {
  const since = performance.now();
  const running = await cell.startDaemon(DAEMONS.debian.argv, DAEMONS.debian.busName);
  await cell.log.wait('the services', isListed, { since });
  await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
  await expectConfigured(cell);
  await cell.log.wait('an answer', (event) => event.kind === 'dhcp' && event.message === 'DHCPACK', { since });
  const said = messages(cell, since);
  await running.stop();
  assert.not.match(running.text, /rror|nvalid/);
  return said;
}

function asksByName([first = '']: readonly string[]): boolean {
  return first.startsWith('DHCPREQUEST');
}

async function expectConfigured(cell: Cell): Promise<void> {
  assert.equal(await readBack(cell), configured());
  const [clock] = await callConnman(cell, 'Clock', 'GetProperties');
  const { TimeUpdates, Timeservers } = Object(clock);
  assert.equal({ TimeUpdates, Timeservers }, { TimeUpdates: 'manual', Timeservers: ['192.0.2.123', 'ntp.test'] });
}

/** Every key of every file, but for those that are renewed. */
function keysOf(files: Readonly<Record<string, string>>): unknown {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => {
    const file = parseKeyFile(content);
    const entries = file.groups().flatMap((group) =>
      file.keys(group).map((key) => (RENEWED.includes(key) ? key : `${group} ${key}=${file.getRaw(group, key)}`)),
    );
    return [path, entries.toSorted()];
  }));
}

/** What went between client and DHCP server. */
function messages(cell: Cell, since: number): string[] {
  return cell.log.since(since).flatMap((event) => (event.kind === 'dhcp' ? [event.text] : []));
}
