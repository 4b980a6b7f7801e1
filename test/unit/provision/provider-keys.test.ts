/**
 * The keys that provisioned VPN connections share.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PROVIDER_KEYS, PROVIDER_PREFIX } from '../../../src/provision/provider-keys.ts';
import { readGroups } from '../../../src/provision/read-groups.ts';

const read = (text: string) => readGroups(text, { prefix: PROVIDER_PREFIX, keys: PROVIDER_KEYS });

test('a connection is read', () => {
  const { groups, complaints } = read(
    '[provider_work]\nType = OpenVPN\nName = Work\nHost = vpn.example\nDomain = corp.test\n' +
      'Networks = 10.1.0.0/16, 10.2.0.0/255.255.0.0/10.1.0.1, 2001:db8::/32\n',
  );
  assert.equal(complaints, []);
  assert.equal(groups.map(({ name, values }) => [name, values]), [['provider_work', {
    Type: 'openvpn',
    Name: 'Work',
    Host: 'vpn.example',
    Domain: 'corp.test',
    Networks: ['10.1.0.0/16', '10.2.0.0/255.255.0.0/10.1.0.1', '2001:db8::/32'],
  }]]);
});

const WRONG = ['10.1.0.0', '10.1.0.0/33', '10.1.0.0/16/::1', '10.1.0.0/255.0.255.0', '::/129', 'x/8', '::/0/::/1'];

for (const network of WRONG) {
  test(`the network ${network} is left out`, () => {
    const { groups, complaints } = read(`[provider_a]\nNetworks=192.0.2.0/24,${network}\n`);
    assert.equal(groups[0]?.values.Networks, ['192.0.2.0/24']);
    const wants = 'a list of NETWORK/NETMASK[/GATEWAY] such as 10.1.0.0/16 wanted';
    assert.equal(complaints, [{ line: 2, kind: 'mistake', text: `Networks=${network}: ${wants}` }]);
  });
}

test.run();
