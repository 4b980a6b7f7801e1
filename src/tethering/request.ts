/**
 * What a driver is asked for when the connection of this machine is to be shared, the same for access
 * points, cables, gadgets and Bluetooth: take in clients and lead them to a bridge.
 */

import type { Scope } from '../shared/scope.ts';

/** How an access point is protected: `auto` is WPA2 and WPA3 together where the radio can, else WPA2. */
export type AccessPointSecurity = 'auto' | 'psk' | 'sae' | 'none';

/** How an access point is to be. */
export interface AccessPointSettings {
  /** Its name, 1 to 32 bytes. */
  readonly ssid: Uint8Array;
  /** 8 to 63 characters, or a key in 64 hex digits; undefined for an open one. */
  readonly passphrase: string | undefined;
  readonly security: AccessPointSecurity;
  /** 0 where any will do. */
  readonly frequencyMhz: number;
}

/** Clients are wanted. */
export interface TetherRequest {
  /** Of technologies that have access points. */
  readonly accessPoint: AccessPointSettings | undefined;
  /** Name of the bridge clients come to: there before, and until all scopes of this request have closed. */
  readonly bridge: string;
  /** Makes an interface a port of the bridge until `scope` closes. Rejects with NetlinkError. */
  addPort(ifindex: number, scope: Scope): Promise<void>;
  /** A client came, by its hardware address as `02:00:00:00:00:01`; it is gone when `scope` closes. */
  addClient(address: string, scope: Scope): void;
  /** It is over, though nobody ended it; the request's scope closes. */
  fail(reason: string): void;
}

/** Takes clients in until `scope` closes. Rejects with ConnmanError: NotSupported where the device never can. */
export type Tether = (request: TetherRequest, scope: Scope) => Promise<void>;
