/**
 * From ConnMan to ours and back: each takes over what the other has stored. Debian's connmand wrote
 * test/oracle/storage.json (`npm run test:oracle`); what ours writes is given to the real one.
 */

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseKeyFile } from '../../src/shared/keyfile.ts';
import type { Cell, CellOptions } from '../helpers/cell.ts';
import { withCell } from '../helpers/cell.ts';
import { DAEMONS } from '../helpers/daemons.ts';
import { callConnman, isListed, isProperty } from '../helpers/wired.ts';
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

test.run();

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
