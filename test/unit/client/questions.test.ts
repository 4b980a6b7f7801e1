/** What the agents ask for: order, what is asked again, and what is left out. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT_QUESTIONS, answerFields, isSecret, VPN_QUESTIONS } from '../../../src/client/agent/questions.ts';
import { toJson } from '../../../src/client/values.ts';
import { variant } from '../../../src/dbus/signature.ts';

const field = (requirement: string) => variant('a{sv}', new Map([['Requirement', variant('s', requirement)]]));

async function answer(questions: typeof AGENT_QUESTIONS, wanted: Record<string, string>, lines: string[]) {
  const fields = new Map(Object.entries(wanted).map(([name, requirement]) => [name, field(requirement)]));
  const asked: string[] = [];
  const answers = await answerFields(questions, fields, async (_, prompt) => {
    asked.push(prompt);
    const line = lines.shift();
    if (line === undefined) throw new Error(`asked too much: ${asked.join('|')}`);
    return line;
  });
  return { asked, answers: toJson(answers), left: lines };
}

test('a passphrase makes the WPS PIN superfluous; without one it may stay empty', async () => {
  const wanted = { WPS: 'alternate', Passphrase: 'mandatory' };
  assert.equal(await answer(AGENT_QUESTIONS, wanted, ['secret']), {
    asked: ['Passphrase? '], answers: { Passphrase: 'secret' }, left: [],
  });
  assert.equal(await answer(AGENT_QUESTIONS, wanted, ['', '']), {
    asked: ['Passphrase? ', 'WPS PIN (empty line for pushbutton)? '], answers: { WPS: '' }, left: [],
  });
  const { answers } = await answer(AGENT_QUESTIONS, { Passphrase: 'mandatory' }, ['', '', 'x']);
  assert.equal(answers, { Passphrase: 'x' });
});

test('an SSID has 1 to 32 bytes', async () => {
  const tooLong = 'ü'.repeat(17);
  const { asked, answers } = await answer(AGENT_QUESTIONS, { Name: 'mandatory' }, ['', tooLong, 'ü'.repeat(16)]);
  assert.is(asked.length, 3);
  assert.equal(answers, { Name: 'ü'.repeat(16) });
});

test('information is no question; a VPN\'s own mandatory fields are', async () => {
  const told = { Host: 'informational', Username: 'informational' };
  const wanted = { ...told, 'OpenVPN.Password': 'mandatory', Password: 'mandatory' };
  assert.equal(await answer(VPN_QUESTIONS, wanted, ['one', 'two']), {
    asked: ['VPN password? ', 'OpenVPN.Password? '],
    answers: { Password: 'one', 'OpenVPN.Password': 'two' },
    left: [],
  });
});

test('passwords of all kinds are secret, names and the PIN on an access point are not', () => {
  const secret = ['Passphrase', 'Password', 'OpenConnect.Cookie', 'OpenConnect.SecondPassword', 'OpenVPN.Password'];
  for (const name of [...secret, 'OpenConnect.PKCSPassword', 'X.PrivateKeyPassphrase']) assert.ok(isSecret(name), name);
  for (const name of ['Name', 'Identity', 'WPS', 'Username', 'OpenConnect.ServerCert', 'OpenConnect.VPNHost']) {
    assert.not.ok(isSecret(name), name);
  }
});

test.run();
