/**
 * net.connman.Manager: the daemon itself, at `/` of net.connman.
 * Names, signatures and their order are ConnMan's, and so is the order of the dictionary.
 */

import { describeInterface } from '../interface.ts';

/** The daemon itself, at `/` of net.connman. */
export const managerInterface = describeInterface({
  name: 'net.connman.Manager',
  methods: {
    GetProperties: { out: { properties: 'a{sv}' } },
    SetProperty: { in: { name: 's', value: 'v' } },
    GetTechnologies: { out: { technologies: 'a(oa{sv})' } },
    RemoveProvider: { in: { provider: 'o' }, deprecated: true },
    GetServices: { out: { services: 'a(oa{sv})' } },
    GetPeers: { out: { peers: 'a(oa{sv})' } },
    GetTetheringClients: { out: { tethering_clients: 'as' } },
    ConnectProvider: { in: { provider: 'a{sv}' }, out: { path: 'o' }, deprecated: true },
    RegisterAgent: { in: { path: 'o' } },
    UnregisterAgent: { in: { path: 'o' } },
    RegisterCounter: { in: { path: 'o', accuracy: 'u', period: 'u' } },
    UnregisterCounter: { in: { path: 'o' } },
    CreateSession: { in: { settings: 'a{sv}', notifier: 'o' }, out: { session: 'o' } },
    DestroySession: { in: { session: 'o' } },
    RequestPrivateNetwork: { out: { path: 'o', settings: 'a{sv}', socket: 'h' } },
    ReleasePrivateNetwork: { in: { path: 'o' } },
    RegisterPeerService: { in: { specification: 'a{sv}', master: 'b' } },
    UnregisterPeerService: { in: { specification: 'a{sv}' } },
  },
  signals: {
    PropertyChanged: { name: 's', value: 'v' },
    TechnologyAdded: { path: 'o', properties: 'a{sv}' },
    TechnologyRemoved: { path: 'o' },
    ServicesChanged: { changed: 'a(oa{sv})', removed: 'ao' },
    PeersChanged: { changed: 'a(oa{sv})', removed: 'ao' },
    TetheringClientsChanged: { registered: 'as', removed: 'as' },
  },
  properties: {
    State: 's',
    OfflineMode: { type: 'b', access: 'readwrite' },
    SessionMode: { type: 'b', access: 'readwrite' },
  },
});
