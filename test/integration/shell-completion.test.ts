/**
 * Completion as a person meets it: bash, zsh and fish in a terminal, with the scripts that are
 * installed, and a daemon that has services to name.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BASH, FISH, ZSH } from '../../tools/documents/completion.ts';
import { withCell, type Cell } from '../helpers/cell.ts';
import { FakeConnman } from '../helpers/fake-connman.ts';
import { WIFI } from '../helpers/fake-connman-objects.ts';
import { Terminal } from '../helpers/terminal.ts';

const PROMPT = 'shell>';

interface Shell {
  /** Where its script is put, and the text. */
  readonly script: readonly [path: string, text: string];
  /** Starts it without anybody's settings. */
  readonly command: string;
  readonly setUp: string;
}

const SHELLS: Readonly<Record<string, Shell>> = {
  bash: {
    script: ['/run/shell/connmanctl', BASH],
    command: 'bash --norc --noprofile',
    setUp: `PS1='${PROMPT} '; . /run/shell/connmanctl; clear`,
  },
  zsh: {
    script: ['/run/shell/_connmanctl', ZSH],
    command: 'zsh -f',
    setUp: `PS1='${PROMPT} '; fpath=(/run/shell $fpath); autoload -U compinit; compinit -u -D; clear`,
  },
  fish: {
    script: ['/run/shell/connmanctl.fish', FISH],
    command: 'env HOME=/run/shell fish --no-config',
    setUp: `function fish_prompt; echo -n '${PROMPT} '; end; source /run/shell/connmanctl.fish; clear`,
  },
};

test('commands, services and their meaning in every shell', () =>
  withCell({ peers: ['tmux', 'zsh', 'fish'], dnsmasq: false }, async (cell) => {
    const fake = await FakeConnman.start(cell.busAddress);
    try {
      for (const name of Object.keys(SHELLS)) await complete(cell, name);
    } finally {
      await fake.close();
    }
  }));

async function complete(cell: Cell, name: string): Promise<void> {
  const shell = SHELLS[name];
  assert.ok(shell, name);
  const [path, text] = shell.script;
  mkdirSync(cell.device.path('/run/shell'), { recursive: true });
  writeFileSync(cell.device.path(path), text);
  const terminal = await Terminal.start(cell.device, name, `PATH=${resolve('build/bin')}:$PATH ${shell.command}`);
  await terminal.type(shell.setUp, 'Enter');
  await terminal.waitFor(`${name}'s prompt`, (screen) => screen.trim() === PROMPT);
  await terminal.type('connmanctl techn', 'Tab');
  await terminal.waitFor(`${name} completing a command`, (screen) => screen.includes('connmanctl technologies'));
  await terminal.type('', 'C-u');
  await terminal.type('connmanctl services wifi_0200000000aa_48', 'Tab');
  await terminal.waitFor(`${name} completing a service`, (screen) => screen.includes(`connmanctl services ${WIFI}`));
  await terminal.type('', 'C-u');
  await terminal.type('connmanctl enable ', 'Tab', 'Tab');
  await terminal.waitFor(`${name} listing`, (screen) => {
    const isTold = name === 'bash' || screen.includes('offline mode');
    return isTold && ['wifi', 'p2p', 'offline'].every((word) => screen.includes(word));
  });
}

test.run();
