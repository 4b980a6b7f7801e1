/**
 * Explain: situations made on purpose on the bench. What a client reads names the cause and the next
 * step, as codes and in a sentence.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { causewayManagerInterface } from '../../../src/dbus/interfaces/causeway-manager.ts';
import { causewayServiceInterface } from '../../../src/dbus/interfaces/causeway-service.ts';
import { causewayTechnologyInterface } from '../../../src/dbus/interfaces/causeway-technology.ts';
import { coreBench, type CoreBench, type CoreBenchOptions } from '../../helpers/core-bench.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const ID = 'ethernet_020000000001_cable';
const OTHER = 'ethernet_020000000002_cable';
const STATIC = `[${ID}]
Name=Wired
AutoConnect=true
IPv4.method=manual
IPv4.netmask_prefixlen=24
IPv4.local_address=192.0.2.10
`;
const GATEWAY = 'IPv4.gateway=192.0.2.1\n';
const stored = (text: string, id = ID): Record<string, string> => ({ [`${id}/settings`]: text.replaceAll(ID, id) });

interface Told {
  readonly cause: string;
  readonly about: string;
  readonly next: string;
  readonly text: string;
  readonly facts: Record<string, unknown>;
}

async function plug(bench: CoreBench, name = 'eth0', last = 1): Promise<void> {
  bench.kernel.addLink({ name, hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, last) });
  await bench.settled();
  bench.kernel.setCarrier(name, true);
  await bench.settled();
}

/** What is told of `subject`. */
async function told({ client }: CoreBench, subject: string): Promise<Told[]> {
  const all = await client.proxy(causewayManagerInterface, 'net.connman', '/').Explain();
  return all.filter((each) => each.get('Subject')?.value === subject).map((each) => ({
    cause: String(each.get('Cause')?.value),
    about: String(each.get('About')?.value),
    next: String(each.get('Next')?.value),
    text: String(each.get('Text')?.value),
    facts: Object.fromEntries([...(each.get('Facts')?.as('a{sv}') ?? [])].map(([key, value]) => [key, value.value])),
  }));
}

type Make = (bench: CoreBench, context: TestContext) => Promise<void> | void;

interface Situation {
  readonly options?: CoreBenchOptions;
  readonly make: Make;
  readonly subject?: string;
  readonly cause: string;
  readonly next: string;
  readonly says: RegExp;
}

/** One situation: its cause is told, with the next step, and in words. */
function situation(name: string, { options, make, subject = ID, cause, next, says }: Situation): void {
  test(name, withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: 'OnlineCheckMode=none', ...options });
    await make(bench, context);
    await bench.settled();
    const all = await told(bench, subject);
    const one = all.find((each) => each.cause === cause);
    if (one === undefined) throw new Error(`${cause} is not told: ${JSON.stringify(all)}`);
    assert.is(one.next, next);
    assert.match(one.text, says);
    assert.not.match(one.text, /[{}]|undefined/);
  }));
}

situation('no interface', {
  make: () => undefined, subject: 'host', cause: 'noTechnology', next: 'addInterface', says: /no interface.*Add/,
});

situation('no carrier', {
  make: async ({ kernel, settled }) => {
    kernel.addLink({ name: 'eth0' });
    await settled();
  },
  subject: 'eth0', cause: 'noCarrier', next: 'plugIn', says: /no carrier.*Plug a cable in/,
});

situation('an interface that somebody set down', {
  make: async (bench) => {
    await plug(bench);
    await bench.kernel.link.setDown(2);
  },
  subject: 'eth0', cause: 'interfaceDown', next: 'setUp', says: /is down.*ip link set eth0 up/,
});

situation('an interface of a kind that belongs to others', {
  make: (bench) => {
    bench.kernel.addLink({ name: 'real0' });
    bench.kernel.addLink({ name: 'br1', kind: 'bridge' });
  },
  subject: 'br1', cause: 'ignored', next: 'manageInterface', says: /left alone: kind bridge.*ManagedInterfaces/,
});

situation('powered off', {
  make: async (bench) => {
    await plug(bench);
    const technology = bench.core.technologies.get('ethernet');
    if (technology !== undefined) await bench.core.technologies.setPowered(technology, false);
  },
  subject: 'ethernet', cause: 'poweredOff', next: 'enable', says: /disabled.*connmanctl enable ethernet/,
});

situation('offline mode', {
  make: async (bench) => {
    await plug(bench);
    await bench.core.technologies.setOffline(true);
  },
  subject: 'ethernet', cause: 'offlineMode', next: 'leaveOfflineMode', says: /offline mode.*connmanctl disable offline/,
});

situation('an interface that cannot be enabled', {
  make: async (bench) => {
    bench.kernel.failNext('link.setUp', 'EIO', 5);
    await plug(bench);
  },
  subject: 'ethernet', cause: 'powerFailed', next: 'seeLog', says: /could not be enabled.*log/,
});

situation('connected, with an address', {
  options: { files: stored(STATIC + GATEWAY) },
  make: (bench) => plug(bench),
  cause: 'connected', next: 'nothing', says: /connected on eth0 with 192\.0\.2\.10 \(manual\)/,
});

situation('default', {
  options: { files: stored(STATIC + GATEWAY) },
  make: (bench) => plug(bench),
  cause: 'isDefault', next: 'nothing', says: /the default: traffic leaves by 192\.0\.2\.1/,
});

situation('default without a gateway', {
  options: { files: stored(STATIC) },
  make: (bench) => plug(bench),
  cause: 'defaultWithoutGateway', next: 'setGateway', says: /no gateway.*Name a gateway/,
});

situation('the online check is off', {
  options: { files: stored(STATIC + GATEWAY) },
  make: (bench) => plug(bench),
  cause: 'checkOff', next: 'enableCheck', says: /not checked.*Set OnlineCheckMode/,
});

situation('a check of what cannot be asked for', {
  options: { files: stored(STATIC + GATEWAY), mainConf: 'OnlineCheckIPv4URL=ftp://192.0.2.80/' },
  make: async (bench, { clock }) => {
    await plug(bench);
    await clock.advance(0);
  },
  cause: 'badUrl', next: 'correctUrl', says: /ftp:\/\/192\.0\.2\.80\/ cannot be asked for.*Correct OnlineCheckIPv4URL/,
});

situation('no name servers', {
  options: { files: stored(STATIC + GATEWAY), mainConf: 'OnlineCheckIPv4URL=http://status.test/' },
  make: async (bench, { clock }) => {
    await plug(bench);
    await clock.advance(0);
  },
  cause: 'noNameservers', next: 'checkNameservers',
  says: /no name servers.*http:\/\/status\.test\/.*connmanctl config .* --nameservers.*again in \d+ s/,
});

situation('no gateway, and the check fails for it', {
  options: { files: stored(STATIC), mainConf: 'OnlineCheckIPv4URL=http://status.test/' },
  make: async (bench, { clock }) => {
    await plug(bench);
    await clock.advance(0);
  },
  cause: 'noGateway', next: 'setGateway',
  says: /no gateway, so http:\/\/status\.test\/ cannot be reached\. Name a gateway/,
});

situation('another uplink first', {
  options: { files: { ...stored(STATIC + GATEWAY), ...stored(STATIC.replace('2.10', '2.11') + GATEWAY, OTHER) },
    mainConf: 'OnlineCheckMode=none\nAlwaysConnectedTechnologies=ethernet' },
  make: async (bench) => {
    await plug(bench);
    await plug(bench, 'eth1', 2);
  },
  subject: OTHER, cause: 'otherIsDefault', next: 'whenOtherGoes',
  says: /not the default: ethernet_020000000001_cable comes first because it was there first.*move-before/,
});

situation('disconnected by the user', {
  options: { files: stored(STATIC + GATEWAY) },
  make: async (bench) => {
    await plug(bench);
    bench.core.services.get(ID)?.disconnect();
  },
  cause: 'disconnectedByUser', next: 'connect', says: /user has disconnected.*connmanctl connect ethernet_/,
});

situation('not autoconnect', {
  options: { files: stored(STATIC.replace('AutoConnect=true', 'AutoConnect=false')) },
  make: (bench) => plug(bench),
  cause: 'notAutoconnect', next: 'setAutoconnect', says: /AutoConnect is off.*--autoconnect yes/,
});

situation('both families off', {
  options: { files: stored(`[${ID}]\nName=Wired\nAutoConnect=true\nIPv4.method=off\nIPv6.method=off\n`) },
  make: (bench) => plug(bench),
  cause: 'methodsOff', next: 'chooseAddress', says: /both IPv4 and IPv6 are configured as off.*Choose an address/,
});

situation('only one may be connected', {
  options: { files: { ...stored(STATIC + GATEWAY), ...stored(STATIC.replace('2.10', '2.11') + GATEWAY, OTHER) },
    mainConf: 'OnlineCheckMode=none\nSingleConnectedTechnology=true' },
  make: async (bench) => {
    await plug(bench);
    await plug(bench, 'eth1', 2);
  },
  cause: 'onlyOneAllowed', next: 'whenOtherGoes', says: /SingleConnectedTechnology.*takes over when/,
});

situation('a fixed method without an address', {
  options: { files: stored(`[${ID}]\nName=Wired\nAutoConnect=true\nIPv4.method=manual\nIPv6.method=off\n`) },
  make: (bench) => plug(bench),
  cause: 'noStaticAddress', next: 'chooseAddress', says: /none is given.*Choose an address/,
});

situation('a kernel that refuses the address', {
  options: { files: stored(`${STATIC}IPv6.method=off\n`) },
  make: async (bench) => {
    bench.kernel.failNext('address.add', 'EPERM');
    await plug(bench);
  },
  cause: 'failed', next: 'connect', says: /failed \(connect-failed\): .*192\.0\.2\.10.*EPERM.*connmanctl connect/,
});

situation('an IPv6 link without a router', {
  options: { files: stored(`[${ID}]\nName=Wired\nAutoConnect=true\nIPv4.method=off\nIPv6.method=auto\n`) },
  make: (bench) => plug(bench),
  cause: 'noRouter', next: 'waitForRouter', says: /IPv4 is off, and no IPv6 router has been heard/,
});

situation('configured by a file', {
  options: {
    files: { 'lan.config': '[service_lan]\nType=ethernet\nIPv4=192.0.2.10/255.255.255.0/192.0.2.1\n' },
  },
  make: (bench) => plug(bench),
  cause: 'provisioned', next: 'editFile', says: /lan\.config \[service_lan\]|lan\.config \[lan\]/,
});

test('services and technologies explain themselves', withScope(async (context) => {
  const bench = await coreBench(context, { files: stored(STATIC + GATEWAY), mainConf: 'OnlineCheckMode=none' });
  await plug(bench);
  const service = bench.client.proxy(causewayServiceInterface, 'net.connman', `/net/connman/service/${ID}`);
  const causes = (await service.Explain()).map((each) => each.get('Cause')?.value);
  assert.equal(causes, ['connected', 'isDefault', 'checkOff']);
  const path = '/net/connman/technology/ethernet';
  const technology = bench.client.proxy(causewayTechnologyInterface, 'net.connman', path);
  assert.equal((await technology.Explain()).map((each) => each.get('Cause')?.value), causes);
}));

test.run();
