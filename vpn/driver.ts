/**
 * What a VPN driver is and what it gets: one asynchronous function that lives as long as the tunnel.
 * It tells `up` when the tunnel has addresses, resolves when the tunnel ended well, and rejects with
 * VpnFailure when it could not be had or broke.
 */

import type { Genl } from '../src/netlink/genl/genl.ts';
import type { Rtnetlink } from '../src/netlink/rtnetlink.ts';
import type { VpnType } from '../src/provision/vpn-keys.ts';
import type { VpnRoute } from '../src/provision/vpn-values.ts';
import type { Clock } from '../src/shared/clock.ts';
import type { ConnmanError } from '../src/shared/errors.ts';
import type { IpAddress } from '../src/shared/ipaddress.ts';
import type { Scope } from '../src/shared/scope.ts';
import type { StreamSocket } from '../src/system/system.ts';
import type { Field } from './agent.ts';
import type { Settings } from './settings.ts';
import type { Task, TaskOptions } from './task.ts';

/** One kind of VPN. */
export interface Driver {
  readonly type: VpnType;
  /** Which interface is made before `run`; absent where the driver has its own. */
  device?(settings: Settings): 'tun' | 'tap';
  /** Refused logins after which the agent is told, unless AuthErrorLimit says otherwise; default 1. */
  readonly authErrorLimit?: number;
  /**
   * Runs the tunnel. `session.signal` aborts when it is to end; everything opened in `session.scope`
   * is closed after the promise settles.
   */
  run(session: Session): Promise<void>;
}

/** Why a tunnel is not there; counted, and told to the agent at the next question. */
export type FailureKind = 'auth' | 'login' | 'connect' | 'unknown';

/** A tunnel that could not be had or broke. */
export class VpnFailure extends Error {
  readonly kind: FailureKind;
  /** What the caller of Connect is told. */
  readonly reply: ConnmanError;
  /** `idle` where the user changed their mind, `failure` where something is wrong. */
  readonly state: 'idle' | 'failure';

  constructor(kind: FailureKind, reply: ConnmanError, state: 'idle' | 'failure' = 'failure') {
    super(reply.message, { cause: reply });
    this.name = 'VpnFailure';
    this.kind = kind;
    this.reply = reply;
    this.state = state;
  }
}

/** An address of the tunnel. */
export interface TunnelAddress {
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** The other end, on point-to-point links. */
  readonly peer?: IpAddress;
}

/** The tunnel as the helper or the kernel has it. */
export interface Tunnel {
  /** Its interface, where the driver brought it. */
  readonly interfaceName?: string;
  /** At most one of each family. Empty where the helper sets them by itself. */
  readonly addresses: readonly TunnelAddress[];
  /** Whether somebody else puts the addresses on the interface. */
  readonly isConfigured?: boolean;
  /** The server, as connmand needs it for the route around the tunnel. */
  readonly gateway: string;
  readonly nameservers: readonly string[];
  readonly domain?: string;
  readonly routes: readonly VpnRoute[];
  readonly mtu?: number;
}

/** One attempt at a connection, and the tunnel that follows. */
export interface Session {
  readonly ident: string;
  readonly host: string;
  readonly name: string;
  readonly settings: Settings;
  /** Of the interface that was made for it. */
  readonly interfaceName: string;
  readonly signal: AbortSignal;
  readonly scope: Scope;
  readonly env: DriverEnv;
  /** Text to show with questions after refused logins. */
  readonly authFailure: string | undefined;
  /** Asks the user's agent. Host and Name are added. Rejects with VpnFailure. */
  ask(fields: readonly Field[]): Promise<ReadonlyMap<string, string>>;
  /** The tunnel is there, or has other addresses than before. */
  up(tunnel: Tunnel): void;
  /** Counts a refused login while the helper goes on. */
  countAuthError(): void;
  /** Starts a helper that reports as net.connman.Task. */
  startTask(options: TaskOptions): Task;
}

/** What drivers may use of the machine. */
export interface DriverEnv {
  readonly clock: Clock;
  readonly kernel: Rtnetlink;
  /** Opened when first asked for. */
  genl(): Genl;
  /** Where files of running connections are, root’s alone. */
  readonly runtimeDirectory: string;
  /** Whether helpers of a driver of this type may keep files where the system's own programs do. */
  isSystemHelper(type: string): boolean;
  /** Where a helper of a driver of this type, as whoever it runs, may make files of its own. */
  helperDirectory(type: string): string;
  /** An interface just made: removed with `scope`, by a later daemon if this one cannot. */
  ownDevice(name: string, scope: Scope): void;
  /** Where the helpers' scripts are installed. */
  readonly scriptDirectory: string;
  /**
   * A socket for one helper of a driver of this type, as whoever it runs; returns its path. Gone with `scope`.
   * Throws SystemError.
   */
  awaitHelper(type: string, name: string, scope: Scope, onStream: (stream: StreamSocket) => void): string;
  /** Addresses of a host; itself where it is one. Rejects when there are none. */
  resolveHost(host: string, signal: AbortSignal): Promise<readonly IpAddress[]>;
  /** A file of mode 0600 in the runtime directory, removed with `scope`; returns its path. */
  writeFile(name: string, text: string, scope: Scope): string;
  /** Removes what a dead helper left; nothing happens where there is nothing. */
  removeFile(path: string): void;
  /** A text file's content, for keys and certificates; undefined if it cannot be read. */
  readFile(path: string): string | undefined;
}
