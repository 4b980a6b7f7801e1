/**
 * Our console against what Debian's connmanctl 1.41 did with the same daemon: every command, every
 * D-Bus type, hostile names, monitors and sessions; same bytes on standard output, same calls.
 */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withCell } from '../helpers/cell.ts';
import { FakeConnman } from '../helpers/fake-connman.ts';
import { playConsole } from '../transcripts/console.ts';

const RECORDED = readFileSync('test/transcripts/console.txt', 'utf8').trimEnd().split('\n\n').slice(1);

test('ours does what Debian\'s did', () =>
  withCell({ dnsmasq: false }, async (cell) => {
    const fake = await FakeConnman.start(cell.busAddress);
    try {
      const steps = await playConsole(cell, fake, resolve('build/bin/connmanctl'));
      assert.ok(RECORDED.length > 140, `${RECORDED.length} steps recorded`);
      for (const [index, step] of steps.entries()) assert.is(step, RECORDED[index]);
      assert.is(steps.length, RECORDED.length);
    } finally {
      await fake.close();
    }
  }));

test.run();
