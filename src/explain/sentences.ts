/**
 * The sentences of explanations, all in one place: one for each cause and one for each next step.
 * `{Name}` stands for a fact; what a network sent is cut and made harmless by whoever prints it.
 */

import type { Finding } from './finding.ts';

/** What was found, after "NAME: ". */
export const CAUSES = {
  noTechnology: 'There is no interface to work with.',
  noDevice: 'It is on, but has no interface.',
  hardBlocked: 'Its radio is blocked by a switch or by the firmware, which no program can change.',
  softBlocked: 'Its radio is blocked by software (rfkill).',
  offlineMode: 'It is off because of offline mode.',
  poweredOff: 'It is off because it was disabled.',
  powerFailed: 'It is off although it should be on: the interface could not be enabled.',
  ignored: 'This interface is left alone: {Reason}.',
  tethered: 'Its connection is shared: tethering is on.',
  tetheringFailed: 'Tethering is off: {Reason}.',
  tetheredBefore: 'Tethering is off, though it was on before: PersistentTetheringMode of main.conf would restore it.',
  interfaceDown: 'The interface is down: somebody else has set it so.',
  noCarrier: 'There is no carrier: no cable is plugged in, or the far end is off.',
  noNetwork: 'No network has been found.',
  deviceOff: 'It is not connected: {Technology} is off.',
  methodsOff: 'It is not connected: both IPv4 and IPv6 are configured as off.',
  disconnectedByUser: 'It is not connected: a user has disconnected it.',
  neverByItself: 'It is not connected: a VPN does not connect by itself.',
  neverConnected: 'It is not connected: it never was, and only what was connected once connects by itself.',
  notAutoconnect: 'It is not connected: AutoConnect is off.',
  otherConnected: 'It is not connected: {Other} is, and comes first.',
  onlyOneAllowed: 'It is not connected: {Other} is, and SingleConnectedTechnology in main.conf allows only one.',
  aboutToConnect: 'It is about to be connected.',
  joining: 'It is being joined.',
  waitingForAgent: 'It waits for a user: an agent was asked for what is needed to join.',
  disconnecting: 'It is being disconnected.',
  configuring: 'It is being configured.',
  probing: 'Other hosts are being asked whether they have its address already.',
  noDhcpAnswer: 'It has no address: no DHCP server on {Interface} has answered {Unanswered} request(s).',
  noDhcpAnswerAtAll: 'It has no address: no DHCP server on {Interface} has answered {Unanswered} request(s), and ' +
    'LinkLocal is disabled.',
  leaseLost: 'Its address is gone: the lease was lost ({Lost}), and no DHCP server has given another.',
  noRouter: 'It has no address: IPv4 is off, and no IPv6 router has been heard.',
  conflict: 'It has no address: {Address} belongs to another host, {HardwareAddress}.',
  conflictBefore: 'The address {Address} could not be used: another host has it, {HardwareAddress}.',
  noStaticAddress: 'It failed: a fixed IPv4 address is configured, but none is given.',
  wrongKey: 'It failed: the passphrase was refused.',
  refusedByNetwork: 'It failed: the network refuses this device.',
  failed: 'It failed ({Error}): {Reason}.',
  connected: 'It is connected on {Interface} with {Addresses} ({Method}).',
  linkLocal: 'It reaches its own link alone, with a link-local address: no DHCP server answers.',
  addressGone: 'Its address {Addresses} is not on {Interface} any more: somebody else has taken it off.',
  metered: 'It costs by what is carried: Metered is set.',
  probablyMetered: 'It probably costs by what is carried: it is mobile, or a phone that shares its connection.',
  ipv6Only: 'It has IPv6 alone: no DHCP server has answered {Unanswered} request(s) for IPv4.',
  provisioned: 'Its configuration is decided by {File}.',
  isDefault: 'It is the default: traffic leaves by {Gateways}.',
  defaultRouteGone: 'It is the default, but there is no default route to {Gateways}: somebody else has removed it.',
  defaultWithoutGateway: 'It is the default, but knows no gateway: nothing beyond its link can be reached.',
  otherIsDefault: 'It is not the default: {Other} comes first because {Criterion}.',
  neverDefault: 'It is not the default, and may not be: NeverDefault is set for it or for its technology.',
  noDefault: 'Nothing is the default yet.',
  uncheckedVpn: 'Whether a VPN is online is not checked.',
  checkOff: 'Whether it is online is not checked: OnlineCheckMode in main.conf is none.',
  checkOffHere: 'Whether it is online is not checked: that was turned off for it or for all.',
  uncheckedNeverDefault: 'Whether it is online is not checked: no default route may lead through it.',
  checking: 'Whether it is online is being checked for the first time.',
  online: 'It is online: {URL} answered as it should.',
  onlineNotDefault: 'It could be online ({URL} answered as it should), but only the default is called so.',
  portal: 'It is not online: a portal answered instead of {URL}.',
  noGateway: 'It is not online: it knows no gateway, so {URL} cannot be reached.',
  gatewaySilent: 'It is not online: the gateway {Gateway} does not answer, not even on the link.',
  noNameservers: 'It is not online: it has no name servers, so {URL} cannot be looked up.',
  nameserversSilent: 'It is not online: the name servers {Nameservers} did not answer when asked for {URL}.',
  nameserversRefuse: 'It is not online: the name servers {Nameservers} refuse to look up {URL}.',
  noSuchName: 'It is not online: the name servers {Nameservers} say that the host of {URL} has no address.',
  lyingDns: 'It is not online: the name servers {Nameservers} lead {URL} to {Address}, which is not on the Internet.',
  badUrl: 'Whether it is online cannot be found out: {URL} cannot be asked for ({Detail}).',
  refused: 'It is not online: {Address} refused the connection to {URL}.',
  unreachable: 'It is not online: {URL} is unreachable ({Detail}).',
  noReply: 'It is not online: {Address} gave no reply to {URL} ({Detail}).',
  untrusted: 'It is not online: {URL} has no trusted certificate ({Detail}).',
  strangeReply: 'It is not online: {URL} was answered otherwise than expected ({Detail}).',
} as const;

/** What comes next. */
export const STEPS = {
  nothing: '',
  wait: 'Wait; it goes on by itself.',
  addInterface: 'Add an interface, or load its driver.',
  turnOnSwitch: 'Turn on the switch of the device.',
  leaveOfflineMode: 'End it: connmanctl disable offline.',
  enable: 'Turn it on: connmanctl enable {Technology}.',
  seeLog: "The daemon's log says why.",
  manageInterface: 'Name it in ManagedInterfaces of main.conf, or start connmand with -i, if it should be managed.',
  setUp: 'Set it up again: ip link set {Interface} up.',
  plugIn: 'Plug a cable in; it is connected at once.',
  scan: 'Look again: connmanctl scan {Technology}.',
  tether: 'Turn it on: connmanctl tether {Technology} on.',
  connect: 'Connect it: connmanctl connect {Service}.',
  setAutoconnect: 'Connect it, or have it connect by itself: connmanctl config {Service} --autoconnect yes.',
  whenOtherGoes: 'It takes over when {Other} goes; connmanctl move-before {Service} {Other} puts it first.',
  answer: 'Answer the agent.',
  giveKey: 'Connect it again and give another passphrase: connmanctl connect {Service}.',
  askServer: 'The server is asked again{in}; is it running, and on this link?',
  renew: 'The lease is renewed{in}.',
  findOther: 'Another address is looked for.',
  chooseAddress: 'Choose an address: connmanctl config {Service} --ipv4 dhcp, or manual with another address.',
  waitForRouter: 'It is set up as soon as a router is heard.',
  reapply: 'Put it back: connmanctl device reapply {Interface}.',
  unmeter: 'If it does not: connmanctl config {Service} --metered no.',
  editFile: 'Change it there.',
  setGateway: 'Name a gateway, with the address (connmanctl config {Service} --ipv4) or in the DHCP server.',
  allowDefault: 'Allow it: connmanctl config {Service} --never-default=no.',
  checkHere: 'Turn it on: connmanctl config {Service} --online-check=yes.',
  enableCheck: 'Set OnlineCheckMode in main.conf to have it checked.',
  logIn: 'Log in at {Portal}; it is checked again{in}.',
  checkGateway: 'Is the gateway right, and on this link? It is checked again{in}.',
  checkNameservers: 'Others can be named: connmanctl config {Service} --nameservers. It is checked again{in}.',
  correctUrl: 'Correct OnlineCheckIPv4URL or OnlineCheckIPv6URL in main.conf.',
  checkAgain: 'It is checked again{in}.',
} as const;

/** Cause and next step of a finding, as one text. */
export function sentencesOf(finding: Finding): string {
  const { cause, next, subject, about, facts, inMs } = finding;
  const isInterface = about === 'connected' && facts['Technology'] !== undefined;
  const names = { Service: subject, Technology: subject, ...(isInterface && { Interface: subject }), ...facts };
  const values = { ...names, in: inMs === undefined ? NO_TIME[next] ?? '' : ` in ${duration(inMs)}` };
  return [CAUSES[cause], STEPS[next]].map((text) => fill(text, values)).filter((text) => text !== '').join(' ');
}

/** The criteria of the order, after "because". */
const CRITERIA: Readonly<Record<string, string>> = {
  vpn: 'it is a VPN for all traffic',
  onlineCheck: 'the online checks of this one failed',
  preferred: 'PreferredTechnologies in main.conf puts its technology first',
  state: 'it is online',
  favorite: 'it was connected before',
  type: 'its technology is tried before',
  strength: 'its signal is stronger',
  name: 'its name is sorted before',
  order: 'it was there first or was moved there',
};

/** Checks of what is not the default are asked once only. */
const NO_TIME: Readonly<Partial<Record<string, string>>> = {
  checkAgain: ' when it becomes the default',
  checkGateway: ' when it becomes the default',
  checkNameservers: ' when it becomes the default',
  logIn: ' when it becomes the default',
};

function fill(text: string, values: Readonly<Record<string, string | number | readonly string[]>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (name === 'Criterion') return CRITERIA[String(value)] ?? String(value);
    if (value === undefined || (value === '' && name !== 'in')) return 'nothing';
    return typeof value === 'object' ? value.join(' and ') || 'none' : String(value);
  });
}

/** `4 s`, `3 min`, `2 h`. */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
