/**
 * What the fake connection manager has: services in every state, names of every kind, a value of
 * every D-Bus type.
 */

import { type Variant, variant } from '../../src/dbus/signature.ts';

type Listed = [path: string, properties: Map<string, Variant>];

const text = (value: string): Variant => variant('s', value);
const dictionary = (entries: Record<string, Variant>): Map<string, Variant> => new Map(Object.entries(entries));

/** A value of every type, and of types within types. */
export const ODD_VALUES: readonly [string, Variant][] = Object.entries({
  Byte: variant('y', 200),
  Boolean: variant('b', true),
  Int16: variant('n', -5),
  Uint16: variant('q', 65_535),
  Int32: variant('i', -7),
  Uint32: variant('u', 4_294_967_295),
  Int64: variant('x', -9n),
  Uint64: variant('t', 18_446_744_073_709_551_615n),
  Double: variant('d', 1.5),
  Empty: text(''),
  Path: variant('o', '/a/b'),
  Signature: variant('g', 'a{sv}'),
  Bytes: variant('ay', Uint8Array.of(1, 200)),
  NoStrings: variant('as', []),
  Strings: variant('as', ['a', 'b']),
  Paths: variant('ao', ['/x', '/y']),
  Numbers: variant('ai', [1, -2]),
  Unsigned: variant('au', [4_294_967_295]),
  Lists: variant('aas', [['a'], ['b', 'c']]),
  Variants: variant('av', [text('x'), variant('i', 3)]),
  Inner: variant('v', text('inner')),
  Dictionary: variant(
    'a{sv}',
    dictionary({ A: text('x'), L: variant('as', ['p', 'q']), E: variant('as', []), B: variant('b', false) }),
  ),
  Nested: variant('a{sv}', dictionary({ N: variant('a{sv}', dictionary({ Z: variant('y', 1) })) })),
  Nothing: variant('a{sv}', new Map()),
  Words: variant('a{ss}', new Map([['k', 'v'], ['l', 'w']])),
  Counts: variant('a{si}', new Map([['n', 3]])),
  ByNumber: variant('a{us}', new Map([[3, 'x']])),
  Struct: variant('(si)', ['s', 3]),
  Structs: variant('a(si)', [['s', 3], ['t', 4]]),
  Routes: variant('a(a{sv})', [
    [dictionary({ F: variant('i', 4) })],
    [dictionary({ F: variant('i', 6), G: text('x') })],
  ]),
  NoRoute: variant('a(a{sv})', [[new Map()]]),
  Dictionaries: variant('aa{sv}', [dictionary({ P: text('q') })]),
  Accents: text('Müller ☃'),
  Hostile: text('a\x1b[31mred\nnew\tline'),
});

const STATES = ['failure', 'association', 'configuration', 'disconnect', 'ready', 'idle', 'unheard_of'];

/** The service that tests configure. */
export const WIFI = 'wifi_0200000000aa_486f6d65_managed_psk';
export const HIDDEN = 'wifi_0200000000aa_hidden_managed_psk';

/** Services: one connected, one without a name, one in each state, and some with hostile names. */
export const SERVICES: Listed[] = [
  [
    `/net/connman/service/${WIFI}`,
    dictionary({
      Type: text('wifi'),
      Security: variant('as', ['psk', 'wps']),
      State: text('online'),
      Strength: variant('y', 70),
      Favorite: variant('b', true),
      Immutable: variant('b', false),
      AutoConnect: variant('b', true),
      Name: text('Home Müller'),
      Ethernet: variant('a{sv}', dictionary({ Interface: text('wlan0'), MTU: variant('q', 1500) })),
      IPv4: variant('a{sv}', dictionary({ Method: text('dhcp'), Address: text('192.0.2.7') })),
      'IPv4.Configuration': variant('a{sv}', dictionary({ Method: text('dhcp') })),
      'Nameservers.Configuration': variant('as', ['192.0.2.53']),
    }),
  ],
  [
    `/net/connman/service/${HIDDEN}`,
    dictionary({ Type: text('wifi'), State: text('idle'), Strength: variant('y', 30), Favorite: variant('b', false) }),
  ],
  ...STATES.map((state, index): Listed => [
    `/net/connman/service/ethernet_0200000000${String(index).padStart(2, '0')}_cable`,
    dictionary({
      Type: text('ethernet'),
      State: text(state),
      Favorite: variant('b', index % 2 === 0),
      AutoConnect: variant('b', index % 3 === 0),
      Name: text(index < 2 ? 'Wired' : `A rather long name of ${state}`.slice(0, 10 + index * 4)),
      Ethernet: variant('a{sv}', dictionary({ Interface: text(`eth${index}`) })),
    }),
  ]),
  ...['\x1b]0;owned\x07', 'line\nfeed', '\x9b31mred', 'right\u202eleft', '部屋の無線', 'tab\tbed', 'zz\x7f'].map(
    (name, index): Listed => [
      `/net/connman/service/wifi_0200000000aa_${String(index).padStart(2, '0')}_managed_none`,
      dictionary({ Type: text('wifi'), State: text('idle'), Strength: variant('y', 10 * index), Name: text(name) }),
    ],
  ),
];

/** Technologies. */
export const TECHNOLOGIES: Listed[] = [
  ['wifi', 'WiFi'],
  ['p2p', 'P2P'],
].map(([type = '', name = '']): Listed => [
  `/net/connman/technology/${type}`,
  dictionary({ Name: text(name), Type: text(type), Powered: variant('b', false), TetheringFreq: variant('i', 2412) }),
]);

/** Wi-Fi Direct peers. */
export const PEERS: Listed[] = [
  [
    '/net/connman/peer/peer_0200000000aa_01',
    dictionary({
      State: text('ready'),
      Name: text('Television'),
      IPv4: variant('a{sv}', dictionary({ Local: text('192.0.2.1'), Remote: text('192.0.2.2') })),
      Services: variant('a(a{sv})', [[dictionary({ WiFiDisplayIEs: variant('ay', Uint8Array.of(1, 2)) })]]),
    }),
  ],
  [
    '/net/connman/peer/peer_0200000000aa_02',
    dictionary({ State: text('idle'), Name: text('A rather long peer name') }),
  ],
];

const VPN_STATES = ['idle', 'configuration', 'ready', 'disconnect', 'failure'];

/** VPN connections in every state. */
export const VPNS: Listed[] = VPN_STATES.map((state, index): Listed => [
  `/net/connman/vpn/connection/example_${index}`,
  dictionary({ State: text(state), Type: text('openvpn'), Name: text(`VPN ${state}`), Host: text('vpn.example') }),
]);
