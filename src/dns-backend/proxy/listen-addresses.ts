/**
 * Where the proxy listens: main.conf DNSProxyListen, a list of `address`, `address:port` and
 * `[address]:port`. Without it ::1 and 127.0.0.1, port 53, on the loopback link alone.
 */

import { parseIpAddress, type IpAddress } from '../../shared/ipaddress.ts';

/** One address to answer on. */
export interface ListenAddress {
  readonly address: IpAddress;
  readonly port: number;
  /** The link through which alone queries may come. */
  readonly device?: string;
}

const DNS_PORT = 53;

/**
 * The addresses of `text`; what is none goes to `wrong`. Unspecified addresses are refused: they would
 * answer everybody.
 */
export function listenAddresses(text: string | undefined, wrong: (part: string) => void): ListenAddress[] {
  if (text === undefined || text.trim() === '') {
    return ['::1', '127.0.0.1'].flatMap((loopback) => {
      const address = parseIpAddress(loopback);
      return address === undefined ? [] : [{ address, port: DNS_PORT, device: 'lo' }];
    });
  }
  return text.split(/[\s,;]+/).filter((part) => part !== '').flatMap((part) => {
    const parsed = parseOne(part);
    if (parsed === undefined) wrong(part);
    return parsed ?? [];
  });
}

function parseOne(part: string): ListenAddress | undefined {
  const whole = parseIpAddress(part);
  const [, bracketed, quad, digits] = /^(?:\[([^\]]+)\]|([0-9.]+))(?::([0-9]{1,5}))?$/.exec(part) ?? [];
  const address = whole ?? parseIpAddress(bracketed ?? quad ?? '');
  const port = whole !== undefined || digits === undefined ? DNS_PORT : Number(digits);
  if (address === undefined || address.isUnspecified || address.isMulticast) return undefined;
  if (port < 1 || port > 65535) return undefined;
  return { address, port };
}
