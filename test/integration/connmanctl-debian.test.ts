/**
 * Debian's connmanctl 1.41 as a user's console for the daemon under test: what it prints is
 * compared to the letter, since scripts read it.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import { until } from '../helpers/patience.ts';
import {
  debianConnmanctl,
  isProperty,
  isService,
  plugIn,
  SERVICE,
  SERVICE_PATH,
  startDaemon,
  withWiredCell,
} from '../helpers/wired.ts';

test('state and technologies before a cable and with one', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    assert.is(await debianConnmanctl(cell, 'state'), stateText('idle'));
    assert.is(await debianConnmanctl(cell, 'technologies'), technologyText(false));
    assert.is((await debianConnmanctl(cell, 'services')).trim(), '');
    await plugIn(cell);
    assert.is(await debianConnmanctl(cell, 'state'), stateText('online'));
    assert.is(await debianConnmanctl(cell, 'technologies'), technologyText(true));
  }));

test('a service in full', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const text = await debianConnmanctl(cell, 'services', SERVICE);
    const address = /Address=(10\.77\.\d+\.\d+)/.exec(text)?.[1] ?? 'no address';
    assert.is(text.trimEnd(), serviceText(address));
  }));

test('our connmanctl prints the same', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    const lists = [['state'], ['technologies'], ['services']];
    const inFull = [['services', SERVICE], ['connect', SERVICE], ['services', '--properties', SERVICE]];
    for (const words of lists) await assertSame(cell, words);
    await plugIn(cell);
    for (const words of [...lists, ...inFull]) await assertSame(cell, words);
  }));

test('disable takes the link down, enable brings it online again', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const disabledAt = performance.now();
    assert.is(await debianConnmanctl(cell, 'disable', 'ethernet'), 'Disable ethernet\n');
    await cell.log.wait('the service to go', isService('InterfacesRemoved'), { since: disabledAt });
    assert.is((await debianConnmanctl(cell, 'services')).trim(), '');
    assert.not.match(await cell.device.output(['ip', 'link', 'show', 'dev', 'eth0']), /[<,]UP[,>]/);
    const again = await cell.device.run(['/usr/bin/connmanctl', 'disable', 'ethernet']);
    assert.match(again.stdout + again.stderr, /ethernet is already disabled/);

    const enabledAt = performance.now();
    assert.is(await debianConnmanctl(cell, 'enable', 'ethernet'), 'Enabled ethernet\n');
    await cell.log.wait('online', isProperty('Manager', 'State', 'online'), { since: enabledAt });
    assert.is((await debianConnmanctl(cell, 'services')).trimStart(), `*AO Wired                ${SERVICE}\n`);
  }));

test('what is refused is refused in ConnMan\'s words', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const complaint = async (...words: string[]): Promise<string> => {
      const { stdout, stderr } = await cell.device.run(['/usr/bin/connmanctl', ...words]);
      return (stdout + stderr).trim();
    };
    assert.is(await complaint('connect', SERVICE), `Error ${SERVICE_PATH}: Already connected`);
    assert.is(await complaint('enable', 'ethernet'), 'ethernet is already enabled');
    assert.is(await complaint('scan', 'ethernet'), 'Error /net/connman/technology/ethernet: Not supported');
    await debianConnmanctl(cell, 'disconnect', SERVICE);
    assert.is(await complaint('disconnect', SERVICE), `Error ${SERVICE_PATH}: Not connected`);
  }));

test('monitor prints what changes', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    const monitor = cell.device.spawn(['stdbuf', '-oL', '/usr/bin/connmanctl', 'monitor']);
    // It does not say when it listens.
    let since = 0;
    await until('the monitor to listen', async () => {
      since = performance.now();
      for (const word of ['enable', 'disable']) {
        await cell.device.output([resolve('build/bin/connmanctl'), word, 'offline']);
      }
      return monitor.text !== '';
    });
    await cell.log.wait('ethernet to be powered', isProperty('Technology', 'Powered', true), { since });
    await plugIn(cell);
    for (const wanted of MONITORED) await monitor.waitForLine((line) => line === wanted);
  }));

test.run();

/** Both consoles say the same on both outputs. How they end is for ours to do better. */
async function assertSame(cell: Cell, words: readonly string[]): Promise<void> {
  const theirs = await cell.device.run(['/usr/bin/connmanctl', ...words]);
  const ours = await cell.device.run([resolve('build/bin/connmanctl'), ...words]);
  assert.is(ours.stdout, theirs.stdout, words.join(' '));
  assert.is(ours.stderr.split('\n')[0], theirs.stderr.split('\n')[0], words.join(' '));
}

const stateText = (state: string): string => `  State = ${state}\n  OfflineMode = False\n  SessionMode = False\n`;

const MONITORED = [
  'Technology   ethernet             Connected = True',
  'Manager                           State = ready',
  'Manager                           State = online',
];

const technologyText = (isConnected: boolean): string => `/net/connman/technology/ethernet
  Name = Wired
  Type = ethernet
  Powered = True
  Connected = ${isConnected ? 'True' : 'False'}
  Tethering = False
  TetheringFreq = 0
`;

const serviceText = (address: string): string => `${SERVICE_PATH}
  Type = ethernet
  Security = [  ]
  State = online
  Favorite = True
  Immutable = False
  AutoConnect = True
  Name = Wired
  Ethernet = [ Method=auto, Interface=eth0, Address=02:00:00:00:00:00, MTU=1500 ]
  IPv4 = [ Method=dhcp, Address=${address}, Netmask=255.255.240.0, Gateway=10.77.0.1 ]
  IPv4.Configuration = [ Method=dhcp ]
  IPv6 = [  ]
  IPv6.Configuration = [ Method=auto, Privacy=disabled ]
  Nameservers = [ 10.77.0.1 ]
  Nameservers.Configuration = [  ]
  Timeservers = [  ]
  Timeservers.Configuration = [  ]
  Domains = [  ]
  Domains.Configuration = [  ]
  Proxy = [ Method=direct ]
  Proxy.Configuration = [  ]
  mDNS = False
  mDNS.Configuration = False
  Provider = [  ]`;
