/**
 * Everything a VPN driver may use; nothing else of the daemon is visible to drivers.
 */

export type { Field } from './agent.ts';
export {
  VpnFailure, type Driver, type DriverEnv, type FailureKind, type Session, type Tunnel, type TunnelAddress,
} from './driver.ts';
export type { VpnCore } from './core.ts';
export type { Settings } from './settings.ts';
export { Lines, type Notice, type Task, type TaskAddress, type TaskOptions } from './task.ts';
export { authoriseByPolkit, isAboutTheBus, type WhatIsCalled } from '../src/daemon/polkit.ts';
export type { ChildExit } from '../src/daemon/children.ts';
export type { Plugin } from '../src/daemon/plugin-host.ts';
export type { Scope } from '../src/shared/scope.ts';
