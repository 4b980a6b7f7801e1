/**
 * Every description against the introspection data it must show, which lies in
 * test/dbus-introspection: names, order, argument names, signatures, directions, annotations.
 * ConnMan lists no properties there; ours are extra and left out of the comparison.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { InterfaceShape } from '../../../src/dbus/interface.ts';
import { agentInterface } from '../../../src/dbus/interfaces/agent.ts';
import { clockInterface } from '../../../src/dbus/interfaces/clock.ts';
import { counterInterface } from '../../../src/dbus/interfaces/counter.ts';
import {
  introspectableInterface,
  objectManagerInterface,
  propertiesInterface,
} from '../../../src/dbus/interfaces/freedesktop.ts';
import { iwdAgentInterface } from '../../../src/dbus/interfaces/iwd-agent.ts';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { neardHandoverAgentInterface } from '../../../src/dbus/interfaces/neard-handover-agent.ts';
import { networkManagerInterface } from '../../../src/dbus/interfaces/network-manager.ts';
import { notificationInterface } from '../../../src/dbus/interfaces/notification.ts';
import { peerInterface } from '../../../src/dbus/interfaces/peer.ts';
import { serviceInterface } from '../../../src/dbus/interfaces/service.ts';
import { sessionInterface } from '../../../src/dbus/interfaces/session.ts';
import { taskInterface } from '../../../src/dbus/interfaces/task.ts';
import { technologyInterface } from '../../../src/dbus/interfaces/technology.ts';
import { vpnAgentInterface } from '../../../src/dbus/interfaces/vpn-agent.ts';
import { vpnConnectionInterface } from '../../../src/dbus/interfaces/vpn-connection.ts';
import { vpnManagerInterface } from '../../../src/dbus/interfaces/vpn-manager.ts';
import { introspectionXml } from '../../../src/dbus/introspection.ts';

const FOLDER = 'test/dbus-introspection';

const DESCRIPTIONS: readonly InterfaceShape[] = [
  agentInterface, clockInterface, counterInterface, introspectableInterface, iwdAgentInterface, managerInterface,
  neardHandoverAgentInterface, networkManagerInterface, notificationInterface, objectManagerInterface, peerInterface,
  serviceInterface, sessionInterface, taskInterface, technologyInterface, vpnAgentInterface, vpnConnectionInterface,
  vpnManagerInterface,
];

/** One line per element, blanks, comments and properties left out. */
function lines(xml: string): string[] {
  return xml
    .replace(/<!--[\s\S]*?-->|<!DOCTYPE[\s\S]*?>|<property [^>]*\/>/g, '')
    .split(/(?<=>)\s*/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

for (const description of DESCRIPTIONS) {
  test(description.name, () => {
    const wanted = readFileSync(`${FOLDER}/${description.name}.xml`, 'utf8');
    assert.equal(lines(introspectionXml([description], [])), lines(wanted));
  });
}

test('every file has its description', () => {
  const described = new Set(DESCRIPTIONS.map(({ name }) => `${name}.xml`));
  const files = readdirSync(FOLDER).filter((name) => !described.has(name));
  // NetworkManager's State is read by Properties.Get, which every object answers.
  assert.equal(files, ['nmcompat.org.freedesktop.DBus.Properties.xml']);
  const xml = readFileSync(`${FOLDER}/${files[0]}`, 'utf8');
  const [, get = ''] = /<method name="Get">([\s\S]*?)<\/method>/.exec(xml) ?? [];
  const types = [...get.matchAll(/type="(\w+)" direction="(\w+)"/g)].map(([, type, way]) => `${way} ${type}`);
  assert.equal(types, ['in s', 'in s', 'out v']);
  assert.equal(Object.values(propertiesInterface.methods.Get.in), ['s', 's']);
  assert.equal(Object.values(propertiesInterface.methods.Get.out), ['v']);
});

test('properties in the order of the dictionary', () => {
  const names = (description: InterfaceShape): string => Object.keys(description.properties ?? {}).join(' ');
  assert.is(names(managerInterface), 'State OfflineMode SessionMode');
  assert.is(names(clockInterface), 'Time TimeUpdates Timezone TimezoneUpdates Timeservers TimeserverSynced');
  assert.is(
    names(technologyInterface),
    'Name Type Powered Connected Tethering TetheringIdentifier TetheringPassphrase TetheringFreq',
  );
  assert.is(
    names(serviceInterface),
    'Type Security State Error Strength Favorite Immutable AutoConnect Name Roaming Ethernet IPv4 IPv4.Configuration ' +
      'IPv6 IPv6.Configuration Nameservers Nameservers.Configuration Timeservers Timeservers.Configuration Domains ' +
      'Domains.Configuration Proxy Proxy.Configuration mDNS mDNS.Configuration Provider LastAddressConflict',
  );
  assert.is(
    names(vpnConnectionInterface),
    'State Type Name Host Index Domain Immutable SplitRouting IPv4 IPv6 Nameservers UserRoutes ServerRoutes',
  );
  assert.is(names(peerInterface), 'State Name IPv4 Services');
});

test('properties in introspection data say what may be written', () => {
  const xml = introspectionXml([technologyInterface], []);
  assert.match(xml, /<property name="Type" type="s" access="read"\/>/);
  assert.match(xml, /<property name="Powered" type="b" access="readwrite"\/>/);
});

test.run();
