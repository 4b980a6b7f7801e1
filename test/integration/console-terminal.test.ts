/**
 * The console as a person uses it: keys into a real terminal emulator, and the screen read back.
 * Completion, history, questions, what arrives while one types, live view, hostile names.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DBusError } from '../../src/dbus/errors.ts';
import { variant } from '../../src/dbus/signature.ts';
import { withCell, type Cell } from '../helpers/cell.ts';
import { FakeConnman } from '../helpers/fake-connman.ts';
import { WIFI } from '../helpers/fake-connman-objects.ts';
import { Terminal } from '../helpers/terminal.ts';

const OURS = resolve('build/bin/connmanctl');
const WIFI_PATH = `/net/connman/service/${WIFI}`;
const MANDATORY = variant('a{sv}', new Map([['Requirement', variant('s', 'mandatory')]]));

function onStage(body: (cell: Cell, fake: FakeConnman) => Promise<void>): () => Promise<void> {
  return () =>
    withCell({ peers: ['tmux'], dnsmasq: false }, async (cell) => {
      const fake = await FakeConnman.start(cell.busAddress);
      try {
        await body(cell, fake);
      } finally {
        await fake.close();
      }
    });
}

const lastLine = (screen: string): string => screen.split('\n').at(-1) ?? '';
const endsWith = (line: string) => (screen: string): boolean => lastLine(screen) === line;

test('completion, history, and a line that survives what arrives', onStage(async (cell, fake) => {
  const terminal = await Terminal.start(cell.device, 'one', OURS);
  await terminal.waitFor('the prompt', endsWith('connmanctl>'));
  await terminal.type('techn', 'Tab');
  await terminal.waitFor('a completed command', endsWith('connmanctl> technologies'));
  await terminal.type('', 'C-u');
  await terminal.type('services wifi_0200000000aa_48', 'Tab');
  await terminal.waitFor('a completed service', endsWith(`connmanctl> services ${WIFI}`));
  await terminal.type('', 'Enter');
  await terminal.waitFor('its properties', (screen) => screen.includes('  Name = Home Müller'));
  await terminal.type('enable ', 'Tab', 'Tab');
  await terminal.waitFor('what can be enabled', (screen) => /wifi +p2p +offline/.test(screen));
  await terminal.type('', 'C-c');
  await terminal.waitFor('a new line', (screen) => screen.endsWith('^C\nconnmanctl>'));
  await terminal.type('', 'Up');
  await terminal.waitFor('the last command', endsWith(`connmanctl> services ${WIFI}`));
  await terminal.type('', 'C-c');
  await terminal.type('monitor services', 'Enter');
  await terminal.type('sta');
  await terminal.waitFor('the letters', endsWith('connmanctl> sta'));
  while (!(await terminal.screen()).includes('Strength = 12')) {
    fake.announce(WIFI_PATH, 'Strength', variant('y', 12));
    await new Promise((resume) => setTimeout(resume, 20));
  }
  await terminal.waitFor('the letters below the news', (screen) =>
    /Service +wifi_\w+ Strength = 12\nconnmanctl> sta$/.test(screen),
  );
  await terminal.type('te', 'Enter');
  await terminal.waitFor('the state', (screen) => screen.includes('  State = online'));
  await terminal.type('', 'C-d');
  assert.is(await terminal.ended(), 0);
}));

test('questions are asked, answered, refused, cancelled, and not remembered', onStage(async (cell, fake) => {
  const terminal = await Terminal.start(cell.device, 'two', OURS);
  await terminal.type('agent on', 'Enter');
  await terminal.waitFor('the agent', (screen) => screen.includes('Agent registered'));
  const ask = async (): Promise<unknown> => {
    const fields = new Map([['Passphrase', MANDATORY]]);
    const answer = await fake.agent?.RequestInput({ service: WIFI_PATH, fields }).catch((error: unknown) => error);
    return answer instanceof Map ? answer.get('Passphrase')?.value : answer instanceof DBusError && answer.name;
  };
  await terminal.type('conn');
  const answered = ask();
  await terminal.waitFor('the question', endsWith('Passphrase?'));
  await terminal.type('secr');
  fake.announce(WIFI_PATH, 'Strength', variant('y', 13));
  await terminal.type('et', 'Enter');
  assert.is(await answered, 'secret');
  const screen = await terminal.waitFor('the prompt with what was typed', endsWith('connmanctl> conn'));
  assert.not.match(screen, 'sec');
  await terminal.type('', 'C-u', 'Up');
  await terminal.waitFor('history without it', endsWith('connmanctl> agent on'));
  await terminal.type('', 'C-u');
  const refused = ask();
  await terminal.waitFor('the question', endsWith('Passphrase?'));
  await terminal.type('', 'C-c');
  assert.is(await refused, 'net.connman.Agent.Error.Canceled');
  const cancelled = ask();
  await terminal.waitFor('the question', endsWith('Passphrase?'));
  await fake.agent?.Cancel();
  assert.is(await cancelled, 'net.connman.Agent.Error.Canceled');
  await terminal.waitFor('why', (screen) => screen.endsWith('Agent request cancelled by ConnMan\nconnmanctl>'));
  await terminal.type('quit', 'Enter');
  assert.is(await terminal.ended(), 0);
}));

test('one command asks by itself on a terminal', onStage(async (cell, fake) => {
  fake.onConnect = async (service) => {
    const answer = await fake.agent?.RequestInput({ service, fields: new Map([['Passphrase', MANDATORY]]) });
    assert.is(answer?.get('Passphrase')?.value, 'a secret');
  };
  const terminal = await Terminal.start(cell.device, 'three', `${OURS} connect wlan0`);
  await terminal.waitFor('the question', endsWith('Passphrase?'));
  await terminal.type('a secret', 'Enter');
  const screen = await terminal.waitFor('success', (text) => text.includes('Connected wlan0'));
  assert.not.match(screen, 'secret');
  assert.is(await terminal.ended(), 0);
}));

test('hostile names stay text', onStage(async (cell) => {
  const before = await Terminal.start(cell.device, 'four', 'sh');
  const title = await before.ask('#{pane_title}');
  await before.type('unset NO_COLOR', 'Enter');
  for (const line of ['services', 'state', 'status']) await before.type(`clear; ${OURS} ${line}`, 'Enter');
  await before.waitFor('status', (screen) => screen.includes('● online'));
  assert.is(await before.ask('#{pane_title}'), title);
  await before.type(`clear; ${OURS} services`, 'Enter');
  const screen = await before.waitFor('the list', (text) => text.includes('部屋の無線'));
  for (const name of ['\\x1b]0;owned\\x07', 'line\\x0afeed', '\\x9b31mred', 'right\\u{202e}left', 'tab\\x09bed']) {
    assert.match(screen, name);
  }
  assert.match(screen, /\*AO Home Müller +▂▄▆· psk online +192\.0\.2\.7 +wifi_0200000000aa_486f6d65_managed_psk\n/);
  assert.match(await before.screen(true), /\x1b\[32m/);
  await before.type(`clear; NO_COLOR=1 ${OURS} services`, 'Enter');
  await before.waitFor('the list', (text) => text.includes('部屋の無線'));
  assert.not.match(await before.screen(true), /\x1b\[3[0-9]m/);
}));

test('the live view shows what changes and gives the screen back', onStage(async (cell, fake) => {
  const terminal = await Terminal.start(cell.device, 'five', 'sh');
  await terminal.type(`echo be''fore; ${OURS} top; echo left $?`, 'Enter');
  await terminal.waitFor('the view', (screen) => /● online by Home Müller/.test(screen) && /eth0 +↓/.test(screen));
  assert.is(await terminal.ask('#{alternate_on}#{cursor_flag}'), '10');
  fake.announce(WIFI_PATH, 'State', variant('s', 'failure'));
  await terminal.waitFor('the change', (screen) => /Home Müller +▂▄▆· psk failure/.test(screen));
  await terminal.type('q');
  await terminal.waitFor('what was there', (screen) => screen.includes('before\nleft 0'));
  assert.is(await terminal.ask('#{alternate_on}#{cursor_flag}'), '01');
}));

test('Wi-Fi networks live, with the strength of the last moments', onStage(async (cell, fake) => {
  const terminal = await Terminal.start(cell.device, 'six', 'sh');
  await terminal.type(`echo be''fore; ${OURS} wifi; echo left $?`, 'Enter');
  await terminal.waitFor('a strength and what it was', (screen) => /● +70 ▂▄▆· +▆▆+ psk wps Home Müller/.test(screen));
  fake.announce(WIFI_PATH, 'Strength', variant('y', 12));
  await terminal.waitFor('another', (screen) => /● +12 ▂··· +▆+▁▁+ psk wps Home Müller/.test(screen));
  await terminal.type('q');
  await terminal.waitFor('what was there', (screen) => screen.includes('before\nleft 0'));
}));

test.run();
