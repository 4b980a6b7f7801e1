/**
 * The interfaces of the D-Bus specification itself ("Standard Interfaces", "Message Bus Messages").
 */

import { describeInterface } from '../interface.ts';

/** Describes an object and the paths below; answered on every object and every path above one. */
export const introspectableInterface = describeInterface({
  name: 'org.freedesktop.DBus.Introspectable',
  methods: { Introspect: { out: { xml: 's' } } },
  signals: {},
});

/** Answered by whoever is on the bus, on any path. */
export const standardPeerInterface = describeInterface({
  name: 'org.freedesktop.DBus.Peer',
  methods: { Ping: {}, GetMachineId: { out: { machine_uuid: 's' } } },
  signals: {},
});

/** Properties of any interface of an object. */
export const propertiesInterface = describeInterface({
  name: 'org.freedesktop.DBus.Properties',
  methods: {
    Get: { in: { interface_name: 's', property_name: 's' }, out: { value: 'v' } },
    GetAll: { in: { interface_name: 's' }, out: { properties: 'a{sv}' } },
    Set: { in: { interface_name: 's', property_name: 's', value: 'v' } },
  },
  signals: {
    PropertiesChanged: { interface_name: 's', changed_properties: 'a{sv}', invalidated_properties: 'as' },
  },
});

/** All objects of a bus name, at `/`. Argument names are those ConnMan shows. */
export const objectManagerInterface = describeInterface({
  name: 'org.freedesktop.DBus.ObjectManager',
  methods: { GetManagedObjects: { out: { objects: 'a{oa{sa{sv}}}' } } },
  signals: {
    InterfacesAdded: { object: 'o', interfaces: 'a{sa{sv}}' },
    InterfacesRemoved: { object: 'o', interfaces: 'as' },
  },
});

/** What we use of the bus itself. */
export const busInterface = describeInterface({
  name: 'org.freedesktop.DBus',
  methods: {
    Hello: { out: { name: 's' } },
    RequestName: { in: { name: 's', flags: 'u' }, out: { result: 'u' } },
    ReleaseName: { in: { name: 's' }, out: { result: 'u' } },
    GetNameOwner: { in: { name: 's' }, out: { owner: 's' } },
    AddMatch: { in: { rule: 's' } },
    RemoveMatch: { in: { rule: 's' }, noReply: true },
  },
  signals: {
    NameOwnerChanged: { name: 's', old_owner: 's', new_owner: 's' },
  },
});

/** The bus's own name. */
export const BUS_NAME = 'org.freedesktop.DBus';
/** The bus's own object. */
export const BUS_PATH = '/org/freedesktop/DBus';
