/**
 * Why something is or is not connected, default or online: from a snapshot to a list of findings,
 * each a cause with its facts and the next step. Pure; the sentences are made in ./sentences.ts.
 * Invariant: every cause and step has a sentence there, which the types see to.
 */

import { whyBehind } from '../service/order.ts';
import { isConnected } from '../service/state.ts';
import { isWired } from '../types.ts';
import { checkFinding } from './check-findings.ts';
import type { Finding } from './finding.ts';
import type { DeviceView, ServiceView, Snapshot, TechnologyView } from './snapshot.ts';

/** What is asked about: everything where neither is named. */
export interface Question {
  /** Identifier. */
  readonly service?: string;
  /** Type. */
  readonly technology?: string;
}

/** All that is to be said, technologies first. */
export function findingsOf(snapshot: Snapshot, { service, technology }: Question = {}): Finding[] {
  const { technologies, services, ignored } = snapshot;
  const isAll = service === undefined && technology === undefined;
  const isOf = (type: string): boolean => isAll || type === technology;
  const nothing: Finding = { subject: 'host', about: 'power', cause: 'noTechnology', facts: {}, next: 'addInterface' };
  return [
    ...(isAll && technologies.length === 0 ? [nothing] : []),
    ...technologies.filter(({ type }) => isOf(type)).flatMap((each) => technologyFindings(each, snapshot)),
    ...services.filter(({ type, identifier }) => isOf(type) || identifier === service)
      .flatMap((each) => serviceFindings(each, snapshot)),
    ...(isAll ? ignored : []).map(({ name, reason }): Finding => {
      return { subject: name, about: 'power', cause: 'ignored', facts: { Reason: reason }, next: 'manageInterface' };
    }),
  ];
}

function technologyFindings(technology: TechnologyView, { isOffline }: Snapshot): Finding[] {
  const { type: subject, isPowered, isWanted, switches, devices } = technology;
  const off = (cause: Finding['cause'], next: Finding['next']): Finding[] => {
    return [{ subject, about: 'power', cause, facts: {}, next }];
  };
  if (switches?.isHardBlocked === true) return off('hardBlocked', 'turnOnSwitch');
  if (!isPowered) {
    if (isOffline) return off('offlineMode', 'leaveOfflineMode');
    if (!isWanted) return off('poweredOff', 'enable');
    return switches?.isSoftBlocked === true ? off('softBlocked', 'enable') : off('powerFailed', 'seeLog');
  }
  if (devices.length === 0) return off('noDevice', 'addInterface');
  return [...devices.flatMap((device) => deviceFindings(device, technology)), ...tetheringFindings(technology)];
}

function tetheringFindings({ type: subject, tethering: { isOn, isWanted, failure } }: TechnologyView): Finding[] {
  const base = { subject, about: 'tethering', facts: {} } as const;
  if (isOn) return [{ ...base, cause: 'tethered', next: 'nothing' }];
  if (failure !== undefined) return [{ ...base, cause: 'tetheringFailed', facts: { Reason: failure }, next: 'tether' }];
  return isWanted ? [{ ...base, cause: 'tetheredBefore', next: 'tether' }] : [];
}

function deviceFindings({ name, isUp, hasCarrier, networks }: DeviceView, { type }: TechnologyView): Finding[] {
  if (networks > 0) return [];
  const facts = { Technology: type };
  if (!isUp) return [{ subject: name, about: 'connected', cause: 'interfaceDown', facts, next: 'setUp' }];
  if (isWired(type) && !hasCarrier) {
    return [{ subject: name, about: 'connected', cause: 'noCarrier', facts, next: 'plugIn' }];
  }
  return [{ subject: name, about: 'connected', cause: 'noNetwork', facts, next: 'scan' }];
}

function serviceFindings(service: ServiceView, snapshot: Snapshot): Finding[] {
  const { identifier: subject, provisionedBy } = service;
  const findings = isConnected(service.state)
    ? [...connectedFindings(service), defaultFinding(service, snapshot), checkFinding(service, snapshot)]
    : [unconnectedFinding(service, snapshot)];
  const isFile = provisionedBy !== undefined;
  if (isFile) {
    const facts = { File: provisionedBy };
    findings.push({ subject, about: 'connected', cause: 'provisioned', facts, next: 'editFile' });
  }
  return findings;
}

function connectedFindings(service: ServiceView): Finding[] {
  const { ipv4, ipv6, dhcpInMs } = service;
  const addresses = [ipv4?.address, ipv4?.linkLocal, ipv6?.address].filter((each) => each !== undefined).map(String);
  const method = ipv4?.method ?? ipv6?.method ?? 'off';
  const facts = { Addresses: addresses, Method: method, Interface: service.interfaceName };
  const renews = ipv4?.method === 'dhcp' && dhcpInMs !== undefined;
  return [
    {
      subject: service.identifier, about: 'connected', cause: 'connected', facts, next: renews ? 'renew' : 'nothing',
      ...(renews && { inMs: dhcpInMs }),
    },
    ...leaselessFindings(service),
    ...lossFindings(service),
    ...meteredFindings(service),
  ];
}

// Connected, though DHCP has brought no address.
function leaselessFindings({ identifier: subject, ipv4, progress, dhcpInMs, ipv4Method }: ServiceView): Finding[] {
  if (ipv4 === undefined ? ipv4Method !== 'dhcp' : ipv4.method !== 'auto') return [];
  const cause = ipv4 === undefined ? 'ipv6Only' : 'linkLocal';
  const { unanswered = 0, lost } = progress ?? {};
  const facts = { Unanswered: unanswered, ...(lost !== undefined && { Lost: lost }) };
  return [{ subject, about: 'connected', cause, facts, next: 'askServer', ...within(dhcpInMs) }];
}

// Addresses that others have taken, on the link or off the interface.
function lossFindings(service: ServiceView): Finding[] {
  const { identifier: subject, conflict, ipv4, goneAddresses, interfaceName } = service;
  const found: Finding[] = [];
  if (conflict !== undefined && !(conflict.isResolved && ipv4?.address.equals(conflict.address) === true)) {
    const facts = conflictFacts(service);
    found.push({ subject, about: 'connected', cause: 'conflictBefore', facts, next: 'findOther' });
  }
  if (goneAddresses.length > 0) {
    const facts = { Addresses: goneAddresses, Interface: interfaceName };
    found.push({ subject, about: 'connected', cause: 'addressGone', facts, next: 'reapply' });
  }
  return found;
}

function meteredFindings({ identifier: subject, metered }: ServiceView): Finding[] {
  if (metered !== 'yes' && metered !== 'guess-yes') return [];
  const cause = metered === 'yes' ? 'metered' : 'probablyMetered';
  return [{ subject, about: 'connected', cause, facts: {}, next: 'unmeter' }];
}

function unconnectedFinding(service: ServiceView, snapshot: Snapshot): Finding {
  const { identifier: subject, state } = service;
  const about = 'connected';
  switch (state) {
    case 'association': {
      const isAsking = service.asking === 'input';
      const [cause, next] = isAsking ? (['waitingForAgent', 'answer'] as const) : (['joining', 'wait'] as const);
      return { subject, about, cause, facts: {}, next };
    }
    case 'configuration':
      return configurationFinding(service);
    case 'failure':
      return failureFinding(service);
    case 'idle':
      return idleFinding(service, snapshot);
    case 'disconnect':
    case 'ready':
    case 'online':
      return { subject, about, cause: 'disconnecting', facts: {}, next: 'wait' };
  }
}

function configurationFinding(service: ServiceView): Finding {
  const { identifier: subject, progress, dhcpInMs, ipv4Method, conflict } = service;
  const base = { subject, about: 'connected' } as const;
  const unanswered = progress?.unanswered ?? 0;
  const isStatic = ipv4Method === 'manual' || ipv4Method === 'fixed';
  if (progress?.lost !== undefined) {
    const facts = { Lost: progress.lost, Unanswered: unanswered };
    return { ...base, cause: 'leaseLost', facts, next: 'askServer', ...within(dhcpInMs) };
  }
  if (conflict?.isResolved === false) {
    const facts = conflictFacts(service);
    return { ...base, cause: 'conflict', facts, next: isStatic ? 'chooseAddress' : 'findOther' };
  }
  if (progress?.isProbing === true) return { ...base, cause: 'probing', facts: {}, next: 'wait' };
  if (ipv4Method === 'off') return { ...base, cause: 'noRouter', facts: {}, next: 'waitForRouter' };
  if (unanswered > 0) {
    const facts = { Unanswered: unanswered, Interface: service.interfaceName };
    const cause = service.isLinkLocalOff ? 'noDhcpAnswerAtAll' : 'noDhcpAnswer';
    return { ...base, cause, facts, next: 'askServer', ...within(dhcpInMs) };
  }
  return { ...base, cause: 'configuring', facts: {}, next: 'wait' };
}

function failureFinding(service: ServiceView): Finding {
  const { identifier: subject, error = 'failed', failure = '', asking, ipv4Method, hasStaticAddress } = service;
  const base = { subject, about: 'connected', facts: { Error: error, Reason: failure } } as const;
  const isStatic = ipv4Method === 'manual' || ipv4Method === 'fixed';
  if (isStatic && !hasStaticAddress) return { ...base, cause: 'noStaticAddress', next: 'chooseAddress' };
  if (error === 'invalid-key') return { ...base, cause: 'wrongKey', next: 'giveKey' };
  if (error === 'blocked') return { ...base, cause: 'refusedByNetwork', next: 'connect' };
  return { ...base, cause: 'failed', next: asking === 'retry' ? 'answer' : 'connect' };
}

function idleFinding(service: ServiceView, { services, isOffline, isSingleConnection }: Snapshot): Finding {
  const { identifier: subject, isReachable, isConfigurable, isIgnored, isFavorite, isAutoconnect } = service;
  const base = { subject, about: 'connected', facts: {} } as const;
  if (!isReachable) {
    return isOffline
      ? { ...base, cause: 'offlineMode', next: 'leaveOfflineMode' }
      : { ...base, facts: { Technology: service.type }, cause: 'deviceOff', next: 'enable' };
  }
  if (!isConfigurable) return { ...base, cause: 'methodsOff', next: 'chooseAddress' };
  if (isIgnored) return { ...base, cause: 'disconnectedByUser', next: 'connect' };
  if (service.type === 'vpn') return { ...base, cause: 'neverByItself', next: 'connect' };
  if (!isFavorite) return { ...base, cause: 'neverConnected', next: 'connect' };
  if (!isAutoconnect) return { ...base, cause: 'notAutoconnect', next: 'setAutoconnect' };
  const other = services.find((each) => each !== service && isConnected(each.state));
  if (other === undefined) return { ...base, cause: 'aboutToConnect', next: 'wait' };
  const facts = { Other: other.identifier };
  return { ...base, facts, cause: isSingleConnection ? 'onlyOneAllowed' : 'otherConnected', next: 'whenOtherGoes' };
}

function defaultFinding(service: ServiceView, { services, preferred }: Snapshot): Finding {
  const { identifier: subject, ipv4, ipv6, isDefault } = service;
  const gateways = [ipv4?.gateway, ipv6?.gateway].flatMap((each) => each?.toString() ?? []);
  const base = { subject, about: 'default', facts: { Gateways: gateways } } as const;
  if (isDefault && gateways.length === 0 && service.type !== 'vpn') {
    return { ...base, cause: 'defaultWithoutGateway', next: 'setGateway' };
  }
  if (isDefault && service.isDefaultRouteGone) {
    const facts = { ...base.facts, Interface: service.interfaceName };
    return { ...base, facts, cause: 'defaultRouteGone', next: 'reapply' };
  }
  if (isDefault) return { ...base, cause: 'isDefault', next: 'nothing' };
  if (service.isNeverDefault) return { ...base, cause: 'neverDefault', next: 'allowDefault' };
  const first = services.find((each) => each.isDefault);
  if (first === undefined) return { ...base, cause: 'noDefault', next: 'wait' };
  const facts = { ...base.facts, Other: first.identifier, Criterion: whyBehind(service, first, preferred) };
  return { ...base, facts, cause: 'otherIsDefault', next: 'whenOtherGoes' };
}

function conflictFacts({ conflict }: ServiceView): Finding['facts'] {
  if (conflict === undefined) return {};
  const other = [...conflict.hardwareAddress].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  return { Address: String(conflict.address), HardwareAddress: other };
}

function within(inMs: number | undefined): { inMs?: number } {
  return inMs === undefined ? {} : { inMs };
}
