/**
 * What the last online check says of a connected service: what was asked, what answered and what that
 * points to. Pure.
 */

import { parseIpAddress } from '../shared/ipaddress.ts';
import type { Cause, Finding, Step } from './finding.ts';
import type { CheckView, ServiceView, Snapshot } from './snapshot.ts';

/** Whether the service is online, and why not. */
export function checkFinding(service: ServiceView, { checkMode }: Snapshot): Finding {
  const { identifier: subject, check, isDefault, isChecked, isNeverDefault } = service;
  const base = { subject, about: 'online' } as const;
  if (service.type === 'vpn') return { ...base, cause: 'uncheckedVpn', facts: {}, next: 'nothing' };
  if (isNeverDefault) return { ...base, cause: 'uncheckedNeverDefault', facts: {}, next: 'allowDefault' };
  if (!isChecked) return { ...base, cause: 'checkOffHere', facts: {}, next: 'checkHere' };
  if (check === undefined) {
    const isOff = checkMode === 'none';
    return { ...base, cause: isOff ? 'checkOff' : 'checking', facts: {}, next: isOff ? 'enableCheck' : 'wait' };
  }
  const { url, outcome, nextInMs } = check;
  const facts = { URL: url, ...(check.address !== undefined && { Address: check.address }) };
  const again = nextInMs === undefined ? {} : { inMs: nextInMs };
  switch (outcome.kind) {
    case 'online':
      return { ...base, cause: isDefault ? 'online' : 'onlineNotDefault', facts, next: 'nothing' };
    case 'portal':
      return { ...base, cause: 'portal', facts: { ...facts, Portal: outcome.url }, next: 'logIn', ...again };
    case 'failed': {
      const { cause, next } = failureOf(service, check, outcome);
      const servers = { Nameservers: service.nameservers, Gateway: gatewayOf(service) };
      return { ...base, cause, facts: { ...facts, ...servers, Detail: outcome.detail }, next, ...again };
    }
  }
}

type Failed = Extract<CheckView['outcome'], { kind: 'failed' }>;

function failureOf(service: ServiceView, check: CheckView, { reason, detail }: Failed): { cause: Cause; next: Step } {
  const isGatewaySilent = service.gatewayState === 'failed' || service.gatewayState === 'incomplete';
  if (gatewayOf(service) === '' && reason !== 'status') return { cause: 'noGateway', next: 'setGateway' };
  if (isGatewaySilent) return { cause: 'gatewaySilent', next: 'checkGateway' };
  if (reason === 'dns') return { cause: dnsCause(detail), next: 'checkNameservers' };
  if (isLie(check)) return { cause: 'lyingDns', next: 'checkNameservers' };
  switch (reason) {
    case 'url': return { cause: 'badUrl', next: 'correctUrl' };
    case 'refused': return { cause: 'refused', next: 'checkAgain' };
    case 'unreachable':
    case 'route': return { cause: 'unreachable', next: 'checkAgain' };
    case 'connectTimeout':
    case 'timeout':
    case 'reset': return { cause: 'noReply', next: 'checkAgain' };
    case 'tls': return { cause: 'untrusted', next: 'checkAgain' };
    case 'malformed':
    case 'tooLarge':
    case 'status': return { cause: 'strangeReply', next: 'checkAgain' };
  }
}

/** From the words of ResolveFailure (src/dns/stub-resolver.ts). */
function dnsCause(detail: string): Cause {
  switch (detail.split(': ').at(-1)) {
    case 'noServers': return 'noNameservers';
    case 'noSuchName':
    case 'noAddress': return 'noSuchName';
    case 'refused': return 'nameserversRefuse';
    default: return 'nameserversSilent';
  }
}

/** A name of the Internet that leads to an address that is not on it (RFC 6761, 6). */
function isLie({ url, address: text = '' }: CheckView): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
  const address = parseIpAddress(text);
  if (host === '' || parseIpAddress(host) !== undefined || address === undefined) return false;
  return NOT_ON_THE_INTERNET.some(({ network, prefixLength }) => {
    const other = parseIpAddress(network);
    return other !== undefined && other.family === address.family && address.sharesPrefix(other, prefixLength);
  });
}

/** RFC 1122, RFC 1918, RFC 3927, RFC 4193, RFC 4291. */
const NOT_ON_THE_INTERNET = [
  { network: '0.0.0.0', prefixLength: 8 },
  { network: '10.0.0.0', prefixLength: 8 },
  { network: '127.0.0.0', prefixLength: 8 },
  { network: '169.254.0.0', prefixLength: 16 },
  { network: '172.16.0.0', prefixLength: 12 },
  { network: '192.168.0.0', prefixLength: 16 },
  { network: '::', prefixLength: 127 },
  { network: 'fc00::', prefixLength: 7 },
  { network: 'fe80::', prefixLength: 10 },
] as const;

function gatewayOf({ ipv4, ipv6 }: ServiceView): string {
  return String(ipv4?.gateway ?? ipv6?.gateway ?? '');
}
