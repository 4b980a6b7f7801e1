/** Wi-Fi from the air to the client: scans, connecting, secrets, failures and what heals them. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { groupOf, storedNetwork, wifiBench, wifiIdentifier } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const HOME = groupOf('home', 'psk');
const HOME_AP = { ssid: 'home', keyManagements: ['wpa-psk'], secret: 'rigsecret' };

test('a network is listed, and joined with what the user says', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: storedNetwork(HOME) });
  assert.equal(bench.state(HOME), ['idle', undefined]);
  bench.agent.answer = { Passphrase: 'rigsecret' };
  await bench.service(HOME).Connect();
  await bench.settled();
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.equal(bench.agent.heard, [`RequestInput ${wifiIdentifier(HOME)} Passphrase`]);
  assert.is(bench.supplicant.blocks[0]?.get('key_mgmt')?.value, 'WPA-PSK');
}));

test.run();
