/**
 * The functions of proxy auto-configuration files that need addresses: Netscape's for IPv4, and the
 * `Ex` ones that Microsoft added for both families. Names are resolved by whoever is given as
 * `resolve`; each is asked for once.
 */

import { parseIpAddress, parseIpv4, type IpAddress } from '../../shared/ipaddress.ts';

type Argument = unknown;

/** A script that asks for more names than that gets no more answers. */
const MOST_NAMES = 32;

/** What scripts find under these names; `own` are the addresses of this host on the link in use. */
export function addressFunctions(
  own: readonly string[], resolve: (host: string) => readonly string[],
): Readonly<Record<string, (...words: Argument[]) => unknown>> {
  const known = new Map<string, readonly IpAddress[]>();
  const lookUp = (host: Argument): readonly IpAddress[] => {
    const name = String(host);
    const literal = parseIpAddress(name);
    if (literal !== undefined) return [literal];
    const before = known.get(name);
    if (before !== undefined || known.size >= MOST_NAMES) return before ?? [];
    const found = resolve(name).flatMap((text) => parseIpAddress(text) ?? []);
    known.set(name, found);
    return found;
  };
  const ipv4 = (host: Argument): IpAddress | undefined => lookUp(host).find(({ family }) => family === 4);
  return {
    isResolvable: (host) => ipv4(host) !== undefined,
    isResolvableEx: (host) => lookUp(host).length > 0,
    // A script joins the answer to text: null is what browsers give.
    dnsResolve: (host) => ipv4(host)?.toString() ?? null,
    dnsResolveEx: (host) => lookUp(host).join(';'),
    myIpAddress: () => own.find((text) => parseIpv4(text) !== undefined) ?? own[0] ?? '127.0.0.1',
    myIpAddressEx: () => own.join(';'),
    isInNet: (host, network, mask) => isInNet(ipv4(host), network, mask),
    isInNetEx: (addresses, prefix) => String(addresses).split(';').some((each) => isInPrefix(each, String(prefix))),
    sortIpAddressList: (list) => sort(String(list)),
    convert_addr: (address) => toNumber(parseIpv4(String(address))),
    getClientVersion: () => '1.0',
  };
}

function isInNet(address: IpAddress | undefined, network: Argument, mask: Argument): boolean {
  const [base, bits] = [parseIpv4(String(network)), parseIpv4(String(mask))];
  if (address === undefined || base === undefined || bits === undefined) return false;
  return bits.bytes.every((byte, index) => ((address.bytes[index] ?? 0) & byte) === ((base.bytes[index] ?? 0) & byte));
}

// Prefixes are written without their last zeros, too: 2001:db8/32.
function isInPrefix(text: string, prefix: string): boolean {
  const [network = '', length = ''] = prefix.split('/', 2);
  const address = parseIpAddress(text.trim());
  const base = parseIpAddress(network) ?? parseIpAddress(`${network}::`);
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : NaN;
  if (address === undefined || base === undefined || !(bits <= 8 * base.bytes.length)) return false;
  return address.sharesPrefix(base, bits);
}

/** IPv6 first, each family by number; false where one is no address, as Microsoft has it. */
function sort(list: string): string | false {
  const addresses = list.split(';').map((text) => parseIpAddress(text.trim()));
  const valid = addresses.flatMap((address) => address ?? []);
  if (valid.length < addresses.length) return false;
  return valid.toSorted((one, other) => other.family - one.family || Buffer.compare(one.bytes, other.bytes)).join(';');
}

function toNumber(address: IpAddress | undefined): number {
  return address === undefined ? 0 : address.bytes.reduce((number, byte) => number * 256 + byte, 0);
}
