/**
 * Everything a plugin may use of the core; nothing else of it is visible to plugins.
 */

export type { Core } from './core.ts';
export type { InputAnswer, InputField } from './daemon/agent-input.ts';
export type { Plugin } from './daemon/plugin-host.ts';
export type { Device, DeviceControl } from './device.ts';
export type { JoinContext, Network, NetworkControl, NetworkDescription, ServiceKeys } from './network.ts';
export { ScanError } from './technology/scan-outcome.ts';
export { JoinError } from './network.ts';
export type { StoredNetwork } from './service/stored-services.ts';
export type { Peer } from './peer/peer.ts';
export type { PeerControl, PeerGroup, PeerMethod, PeerMethods, PeerRequest } from './peer/driver.ts';
export type { PeerService } from './peer/peer-services.ts';
export type { Inquiry } from './link-names.ts';
export type { Provider, ProviderRequest } from './provider.ts';
export { TETHER_BRIDGE } from './tethering/bridge.ts';
export type { AccessPointSettings, Tether, TetherRequest } from './tethering/request.ts';
export type { TunnelSetup } from './tunnel.ts';
export type { TechnologyDriver } from './technology/technologies.ts';
export type { Scope } from './shared/scope.ts';
export type { LoginResult, PortalLogin, PortalVisit } from './portal.ts';
export type { ProxyDriver } from './proxy.ts';
export type { Service } from './service/service.ts';
export { ConfinedError, runConfined } from './daemon/confined/confined.ts';
export { memberOf, textOf } from './daemon/confined/message.ts';
export { authoriseByPolkit, isAboutTheBus, type WhatIsCalled } from './daemon/polkit.ts';
export { readSmallFile, writeFileAtomically } from './daemon/files.ts';
