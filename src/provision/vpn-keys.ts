/**
 * The options of VPN connections by type, spelled as in ConnMan's files and on D-Bus
 * (connman-vpn-provider.config(5)). Each entry checks a value, says whether it is kept on disk, and
 * is the reference for manual pages. Invariant: every key of a table begins with its type's prefix,
 * `PPPD.` or `VPN.`.
 */

import { integer, oneOf, text, type ValueType } from '../shared/options.ts';
import { prefixList, wireguardKey } from './vpn-values.ts';

/** One option of a driver. */
export interface VpnKey {
  readonly parse: ValueType<unknown>;
  readonly about: string;
  /** Not written to disk. */
  readonly isUnsaved?: true;
  /** Never printed. */
  readonly secret?: true;
}

/** Options by key. */
export type VpnKeyTable = Readonly<Record<string, VpnKey>>;

/** The types of VPN, each with a driver of its own. */
export type VpnType = 'openvpn' | 'openconnect' | 'vpnc' | 'l2tp' | 'pptp' | 'wireguard';

const YES_NO = ['true', 'false', 'yes', 'no', '1', '0'] as const;

/** Yes and no in the spellings that ConnMan's drivers take. */
const flag: ValueType<string> = {
  wants: 'true or false',
  read({ text: given }, wrong) {
    const word = YES_NO.find((each) => each === given.toLowerCase());
    if (word === undefined) wrong(given);
    return word;
  },
};

/** A word that goes to a helper as it is: it may not begin like an option or end a line. */
const word: ValueType<string> = {
  wants: 'a text without line breaks',
  read({ text: given }, wrong) {
    if (!/[\n\r\0]/.test(given)) return given;
    wrong(given);
    return undefined;
  },
};

const file: ValueType<string> = {
  wants: 'the absolute path of a file',
  read({ text: given }, wrong) {
    if (given.startsWith('/') && !/[\n\r\0]/.test(given)) return given;
    wrong(given);
    return undefined;
  },
};

const fileOrDash: ValueType<string> = {
  wants: 'the absolute path of a file, or - to be asked',
  read: (value, wrong) => (value.text === '-' ? '-' : file.read(value, wrong)),
};

const port = integer(0, 65535, 'a port');
const count = integer(0);

/** Options by name in front of which `prefix` stands. */
function table(prefix: string, keys: Readonly<Record<string, readonly [ValueType<unknown>, string, ...Mark[]]>>) {
  return Object.fromEntries(
    Object.entries(keys).map(([name, [parse, about, ...marks]]): [string, VpnKey] => [
      `${prefix}.${name}`,
      {
        parse,
        about,
        ...(marks.includes('unsaved') && { isUnsaved: true as const }),
        ...(marks.includes('secret') && { secret: true as const }),
      },
    ]),
  );
}

type Mark = 'unsaved' | 'secret';

// As openvpn's --proto has them for clients.
const PROTOCOLS = ['udp', 'udp4', 'udp6', 'tcp', 'tcp4', 'tcp6', 'tcp-client', 'tcp4-client', 'tcp6-client'] as const;

const OPENVPN = table('OpenVPN', {
  CACert: [file, 'certificates of the authorities that sign servers'],
  Cert: [file, 'our certificate'],
  Key: [file, 'the private key of our certificate'],
  MTU: [integer(100, 65535), 'MTU of the tunnel'],
  NSCertType: [oneOf(['client', 'server']), 'what the server’s certificate must be made for (old)'],
  Proto: [oneOf(PROTOCOLS), 'transport'],
  Port: [port, 'port of the server'],
  AuthUserPass: [fileOrDash, 'file with user name and password, or - to be asked'],
  AskPass: [file, 'file with the passphrase of the private key'],
  AuthNoCache: [flag, 'do not keep passwords in memory'],
  TLSRemote: [word, 'name the server’s certificate must have (old)'],
  TLSAuth: [file, 'key that signs control packets'],
  TLSAuthDir: [oneOf(['0', '1']), 'direction of that key'],
  TLSCipher: [word, 'TLS cipher suites'],
  Cipher: [word, 'cipher of the data channel'],
  Auth: [word, 'digest of the data channel'],
  CompLZO: [oneOf(['yes', 'no', 'adaptive']), 'compression (old)'],
  RemoteCertTls: [oneOf(['client', 'server']), 'what the server’s certificate must be made for'],
  ConfigFile: [file, 'a configuration file of openvpn’s'],
  DeviceType: [oneOf(['tun', 'tap']), 'layer of the tunnel'],
  Verb: [integer(0, 11), 'verbosity of openvpn'],
  Ping: [count, 'seconds between pings'],
  PingExit: [count, 'seconds without an answer after which the connection ends'],
  RemapUsr1: [oneOf(['SIGHUP', 'SIGTERM']), 'what a restart becomes'],
  TLSCrypt: [file, 'key that encrypts control packets'],
  TLSCryptV2: [file, 'our own key that encrypts control packets'],
  StaticChallenge: [word, 'question asked together with the password'],
  StaticChallengeEcho: [flag, 'whether the answer to it may be seen'],
  Username: [text, 'user name, told by the agent', 'unsaved'],
  Password: [text, 'password, told by the agent', 'unsaved', 'secret'],
  PrivateKeyPassword: [text, 'passphrase of the private key, told by the agent', 'unsaved', 'secret'],
});

const OPENCONNECT = table('OpenConnect', {
  AllowSelfSignedCert: [flag, 'whether a server whose certificate nobody signed is accepted'],
  AuthType: [
    oneOf(['cookie', 'cookie_with_userpass', 'userpass', 'publickey', 'pkcs']),
    'how to log in',
  ],
  CACert: [file, 'certificates of the authorities that sign servers'],
  ClientCert: [file, 'our certificate (publickey)'],
  UserPrivateKey: [file, 'the private key of our certificate (publickey)'],
  PKCSClientCert: [word, 'our certificate and key in one file (pkcs)'],
  DisableIPv6: [flag, 'do not ask for IPv6'],
  NoDTLS: [flag, 'TCP alone'],
  NoHTTPKeepalive: [flag, 'a connection for each request of the login'],
  NoCertCheck: [flag, 'kept for ConnMan, without effect'],
  Protocol: [oneOf(['anyconnect', 'nc', 'gp', 'pulse', 'f5', 'fortinet', 'array']), 'protocol of the server'],
  ServerCert: [word, 'hash the server’s certificate must have, with AllowSelfSignedCert'],
  Usergroup: [word, 'path on the server'],
  Group: [word, 'group to choose at the login', 'unsaved'],
  VPNHost: [word, 'server to use instead of Host', 'unsaved'],
  UseSecondPassword: [flag, 'whether a second password is needed', 'unsaved'],
  Username: [text, 'user name', 'unsaved'],
  Password: [text, 'password', 'unsaved', 'secret'],
  SecondPassword: [text, 'second password', 'unsaved', 'secret'],
  PKCSPassword: [text, 'passphrase of PKCSClientCert', 'unsaved', 'secret'],
  Cookie: [text, 'the session’s cookie', 'unsaved', 'secret'],
});

const VPNC = table('VPNC', {
  'IPSec.ID': [word, 'name of the group'],
  'IPSec.Secret': [text, 'secret of the group', 'unsaved', 'secret'],
  'Xauth.Username': [word, 'user name', 'unsaved'],
  'Xauth.Password': [text, 'password', 'unsaved', 'secret'],
  'IKE.Authmode': [oneOf(['psk', 'cert', 'hybrid']), 'how the group is proven'],
  'IKE.DHGroup': [oneOf(['dh1', 'dh2', 'dh5', 'dh14', 'dh15', 'dh16', 'dh17', 'dh18']), 'Diffie-Hellman group'],
  PFS: [oneOf(['nopfs', 'dh1', 'dh2', 'dh5', 'dh14', 'dh15', 'dh16', 'dh17', 'dh18', 'server']), 'group for new keys'],
  Domain: [word, 'domain for the login'],
  Vendor: [oneOf(['cisco', 'netscreen', 'fortigate']), 'maker of the server'],
  LocalPort: [port, 'our port; 0 for any'],
  CiscoPort: [port, 'our port for Cisco’s encapsulation; 0 for any'],
  AppVersion: [word, 'version to report'],
  NATTMode: [oneOf(['natt', 'none', 'force-natt', 'cisco-udp']), 'how NAT is passed'],
  DPDTimeout: [count, 'seconds after which a silent server is given up'],
  SingleDES: [flag, 'allow single DES'],
  NoEncryption: [flag, 'allow no encryption'],
  DeviceType: [oneOf(['tun', 'tap']), 'layer of the tunnel', 'unsaved'],
  Debug: [integer(0, 99), 'verbosity of vpnc', 'unsaved'],
});

const PPPD_COMMON = {
  EchoFailure: [count, 'echoes without an answer that end the link'],
  EchoInterval: [count, 'seconds between echoes'],
  Debug: [word, 'pppd logs its packets'],
  RefuseEAP: [flag, 'no EAP'],
  RefusePAP: [flag, 'no PAP'],
  RefuseCHAP: [flag, 'no CHAP'],
  RefuseMSCHAP: [flag, 'no MS-CHAP'],
  RefuseMSCHAP2: [flag, 'no MS-CHAPv2'],
  NoBSDComp: [flag, 'no BSD compression'],
  NoDeflate: [flag, 'no Deflate compression'],
  NoVJ: [flag, 'no header compression'],
} as const;

const L2TP = {
  ...table('L2TP', {
    User: [word, 'user name'],
    Password: [text, 'password', 'unsaved', 'secret'],
    BPS: [count, 'speed limit'], TXBPS: [count, 'speed limit, sending'], RXBPS: [count, 'speed limit, receiving'],
    LengthBit: [word, 'length in each packet'],
    Challenge: [word, 'authenticate the tunnel'],
    DefaultRoute: [word, 'kept for ConnMan'],
    FlowBit: [word, 'sequence numbers in each packet'],
    TunnelRWS: [count, 'receive window'],
    Exclusive: [word, 'one tunnel to a server'],
    Autodial: [word, 'begin at once; yes unless set'],
    Redial: [word, 'begin again; yes unless set'],
    RedialTimeout: [count, 'seconds in between; 10 unless set'],
    MaxRedials: [count, 'how often'],
    RequirePAP: [word, 'the server must use PAP'],
    RequireCHAP: [word, 'the server must use CHAP; yes unless set'],
    ReqAuth: [word, 'the server must authenticate'],
    AccessControl: [word, 'known peers alone; yes unless set'],
    AuthFile: [word, 'secrets of tunnels'],
    ForceUserSpace: [word, 'no kernel support'],
    ListenAddr: [word, 'our address'],
    'Rand Source': [word, 'where randomness comes from'],
    IPsecSaref: [word, 'with Openswan'],
    Port: [port, 'our port'],
  }),
  ...table('PPPD', {
    ...PPPD_COMMON,
    NoPcomp: [flag, 'no protocol field compression'],
    UseAccomp: [flag, 'no address field compression'],
    ReqMPPE: [flag, 'encrypt'], ReqMPPE40: [flag, 'encrypt with 40 bits'], ReqMPPE128: [flag, 'encrypt with 128 bits'],
    ReqMPPEStateful: [flag, 'encrypt with a state'],
  }),
};

const PPTP = {
  ...table('PPTP', {
    User: [word, 'user name'],
    Password: [text, 'password', 'unsaved', 'secret'],
    IdleWait: [count, 'seconds without traffic before an echo'],
    MaxEchoWait: [count, 'seconds an echo may take'],
  }),
  ...table('PPPD', {
    ...PPPD_COMMON,
    RequirMPPE: [flag, 'encrypt'],
    RequirMPPE40: [flag, 'encrypt with 40 bits'],
    RequirMPPE128: [flag, 'encrypt with 128 bits'],
    RequirMPPEStateful: [flag, 'encrypt with a state'],
  }),
};

const WIREGUARD = table('WireGuard', {
  Address: [prefixList, 'our address with its prefix length; several after commas'],
  PrivateKey: [wireguardKey, 'our key', 'secret'],
  PublicKey: [wireguardKey, 'the server’s key'],
  PresharedKey: [wireguardKey, 'a secret shared with the server', 'secret'],
  AllowedIPs: [prefixList, 'networks behind the server'],
  DNS: [word, 'name servers, after commas or blanks'],
  ListenPort: [port, 'our port'],
  EndpointPort: [integer(1, 65535, 'a port'), 'the server’s port; 51820 unless set'],
  PersistentKeepalive: [integer(0, 65535, 'seconds'), 'seconds between packets that keep NAT open'],
  MTU: [integer(576, 65535), 'MTU of the tunnel'],
});

/** A further peer of a WireGuard connection, `WireGuard.Peer.NAME.KEY` for a `[peer_NAME]` in a file. */
export const WIREGUARD_PEER = table('', {
  PublicKey: [wireguardKey, 'the peer’s key'],
  PresharedKey: [wireguardKey, 'a secret shared with the peer', 'secret'],
  AllowedIPs: [prefixList, 'networks behind the peer'],
  Endpoint: [word, 'HOST:PORT or [ADDRESS]:PORT'],
  PersistentKeepalive: [integer(0, 65535, 'seconds'), 'seconds between packets that keep NAT open'],
});

/** What connections of every type have. */
const COMMON: VpnKeyTable = {
  AuthErrorLimit: { parse: count, about: 'refused logins after which the agent is told of them' },
  'VPN.MTU': { parse: integer(576, 65535), about: 'MTU of the connection', isUnsaved: true },
  'VPN.KillSwitch': { parse: flag, about: 'nothing leaves outside the tunnel while it is wanted and down' },
};

/** Every option by type. */
export const VPN_KEYS: Readonly<Record<VpnType, VpnKeyTable>> = {
  openvpn: { ...OPENVPN, ...COMMON },
  openconnect: { ...OPENCONNECT, ...COMMON },
  vpnc: { ...VPNC, ...COMMON },
  l2tp: { ...L2TP, ...COMMON },
  pptp: { ...PPTP, ...COMMON },
  wireguard: { ...WIREGUARD, ...COMMON },
};

/** The entry of a key; undefined for one that the type does not have. */
export function vpnKey(type: string, key: string): VpnKey | undefined {
  const tables = new Map<string, VpnKeyTable>(Object.entries(VPN_KEYS));
  const peerKey =
    type === 'wireguard' ? /^WireGuard\.Peer\.[A-Za-z0-9_-]{1,64}(\.[A-Za-z]+)$/.exec(key)?.[1] : undefined;
  if (peerKey !== undefined) return ownEntry(WIREGUARD_PEER, peerKey);
  const known = tables.get(type);
  return known === undefined ? undefined : (ownEntry(known, key) ?? oldSpelling(known, type, key));
}

/** What is wrong with a value; undefined if nothing is. Names key, value and what would be right. */
export function vpnValueProblem(type: string, key: string, value: string): string | undefined {
  const entry = vpnKey(type, key);
  if (entry === undefined) return unknownKeyProblem(type, key);
  if (value === '') return undefined;
  const list = value.split(',').map((element) => element.trim()).filter((element) => element !== '');
  let problem: string | undefined;
  entry.parse.read({ text: value, list }, (part) => {
    const shown = entry.secret === true ? '***' : JSON.stringify(part);
    problem ??= `${key} has a wrong value ${shown}: ${entry.parse.wants} wanted`;
  });
  return problem;
}

// Keys of other prefixes are whatever a program wants to keep with a connection.
function unknownKeyProblem(type: string, key: string): string | undefined {
  const known = Object.keys(new Map<string, VpnKeyTable>(Object.entries(VPN_KEYS)).get(type) ?? {});
  const prefixes = new Set(known.map((each) => each.slice(0, each.indexOf('.') + 1)).filter((each) => each !== ''));
  if (![...prefixes].some((prefix) => key.startsWith(prefix))) return undefined;
  const like = known.find((each) => each.toLowerCase() === key.toLowerCase());
  return `${key} is no option of ${type}${like === undefined ? `: it has ${known.join(', ')}` : `: ${like} is meant`}`;
}

// As ConnMan: options of pppd once stood under the type's own prefix.
function oldSpelling(known: VpnKeyTable, type: string, key: string): VpnKey | undefined {
  const name = new RegExp(`^${type}\\.(.*)$`, 'i').exec(key)?.[1];
  return name === undefined ? undefined : ownEntry(known, `PPPD.${name}`);
}

function ownEntry(known: VpnKeyTable, key: string): VpnKey | undefined {
  return Object.hasOwn(known, key) ? known[key] : undefined;
}
