/**
 * Wi-Fi Direct on one powered radio: looks for peers and tells the core of them, makes groups with
 * them and joins theirs, one at a time. Closing its scope leaves everything and forgets them.
 */

import type { Core, Peer, PeerControl, PeerGroup, PeerRequest, Scope } from '../../../src/api.ts';
import { unlessAborted } from '../../../src/shared/abort.ts';
import { ConnmanError, messageOf } from '../../../src/shared/errors.ts';
import { IpAddress, prefixLengthOfNetmask } from '../../../src/shared/ipaddress.ts';
import { logger } from '../../../src/shared/log.ts';
import type { Variant } from '../../../src/dbus/signature.ts';
import { equalBytes, formatHex } from '../../../src/shared/bytes.ts';
import type { Properties } from '../bss.ts';
import { type FoundPeer, parsePeer } from './found-peer.ts';
import type { P2pLink } from './p2p-link.ts';
import type { P2pSignal, P2pSignals } from './signals.ts';

const log = logger('plugins/wifi/p2p/p2p-radio.ts');

/** ConnMan looks for so long. */
const FIND_MS = 30_000;
/** How much a machine wants to be the owner that offers what only an owner can, and any other. */
const OWNER_INTENT = { wanted: 15, any: 7 } as const;
/** Wi-Fi Simple Configuration 12, "Device Password ID". */
const PASSWORD = { userSpecified: 1, pushButton: 4 } as const;
/** More devices than fit in any room are somebody's frames. */
const MAX_PEERS = 200;

/** Looks on one channel for a group that is about to be joined; never rejects, and resolves soon in any case. */
export type GroupLook = (frequencyMhz: number, signal: AbortSignal) => Promise<void>;

/** What it takes from its technology. */
export interface P2pRadioEnv {
  readonly core: Core;
  readonly signals: P2pSignals;
  readonly link: P2pLink;
  readonly look: GroupLook;
  /** The hardware address of the radio in identifiers. */
  readonly deviceIdent: string;
  /** Called when `isBusy` has changed. */
  onBusy(): void;
}

/** How a peer wants to go together with us. */
type Wish =
  | { readonly kind: 'group'; readonly passwordId: number }
  /** `frequencyMhz`: where its group is; 0 where nobody said so. */
  | { readonly kind: 'invitation'; readonly frequencyMhz: number };

/** What is known of a peer. */
interface Entry {
  readonly path: string;
  readonly properties: Map<string, Variant>;
  readonly scope: Scope;
  found: FoundPeer;
  peer: Peer;
  /** Once it has said so. */
  wish: Wish | undefined;
  /** Out of reach; forgotten when nothing holds it any more. */
  isLost: boolean;
}

/** A group that is being made. */
interface Attempt {
  readonly entry: Entry;
  /** The peer's address in the group. */
  peerHardwareAddress: Uint8Array | undefined;
  resolve(group: PeerGroup): void;
  reject(error: unknown): void;
}

/** A group this machine is in. */
interface Group {
  readonly entry: Entry;
  /** Objects of the supplicant's. */
  readonly link: string;
  readonly path: string;
}

/** The radio's Wi-Fi Direct, until `scope` closes. */
export class P2pRadio {
  readonly #env: P2pRadioEnv;
  readonly #scope: Scope;
  readonly #entries = new Map<string, Entry>();
  #finding: Promise<void> | undefined;
  #stopFinding: () => void = () => undefined;
  #attempt: Attempt | undefined;
  /** One is being given up: a group that comes of it all the same is left. */
  #isCancelling = false;
  #group: Group | undefined;

  constructor(env: P2pRadioEnv, scope: Scope) {
    this.#env = env;
    this.#scope = scope;
    env.signals.heard.observe(scope, (signal) => this.#take(signal));
  }

  /** Whether the radio is needed: to look for peers, or for a group with one. */
  get isBusy(): boolean {
    return this.#finding !== undefined || this.#attempt !== undefined || this.#group !== undefined;
  }

  /** Looks for peers; resolves after half a minute, or when a connection is begun. Rejects with Failed. */
  scan(signal: AbortSignal): Promise<void> {
    this.#finding ??= this.#find().finally(() => {
      this.#finding = undefined;
      this.#env.onBusy();
    });
    this.#env.onBusy();
    return unlessAborted(this.#finding, signal);
  }

  async #find(): Promise<void> {
    const limits = this.#scope.child();
    const isClosing = new Promise<boolean>((resolve) => {
      this.#scope.signal.addEventListener('abort', () => resolve(true), { once: true });
    });
    try {
      await this.#env.link.find();
      const isOver = await Promise.race([isClosing, new Promise<boolean>((resolve) => {
        this.#stopFinding = () => resolve(true);
        this.#env.core.clock.after('look for Wi-Fi Direct peers', FIND_MS, limits, () => resolve(false));
      })]);
      if (this.#scope.signal.aborted) throw new ConnmanError('Failed', 'Interrupted system call');
      // To stop what is over would end the connection that it made way for.
      if (!isOver) await this.#env.link.stopFind();
    } catch (error) {
      if (error instanceof ConnmanError) throw error;
      // As ConnMan: whoever waits for the end has it.
      log.warn('%s: no look for peers: %s', this.#env.deviceIdent, messageOf(error));
    } finally {
      await limits.close();
    }
  }

  #take(signal: P2pSignal): void {
    switch (signal.kind) {
      case 'found':
      case 'changed':
        if (this.#isOurs(signal.peer)) this.#learn(signal.peer, signal.properties, signal.kind === 'found');
        return;
      case 'lost':
        return this.#lose(signal.peer);
      case 'findStopped':
        if (signal.link === this.#env.link.path) this.#stopFinding();
        return;
      case 'asked':
        if (this.#isOurs(signal.peer)) this.#takeWish(signal.peer, { kind: 'group', passwordId: signal.passwordId });
        return;
      case 'invited':
        if (signal.link === this.#env.link.path) this.#takeInvitation(signal.properties);
        return;
      case 'negotiated':
        return this.#noteNegotiated(signal.properties);
      case 'refused':
        if (this.#isAttempted(signal.properties)) this.#fail(`refused (${signal.properties.get('status')?.as('i')})`);
        return;
      case 'formationFailed':
        return this.#fail('no group came about');
      case 'groupStarted':
        return this.#takeGroup(signal.properties);
      case 'groupFinished':
        if (signal.properties.get('interface_object')?.as('o') === this.#group?.link) this.#endGroup();
        return;
      case 'peerLeft':
        if (signal.group === this.#group?.path && signal.peer === this.#group.entry.path) this.#leaveGroup();
        return;
    }
  }

  // Peers are told of by the interface of the radio they were heard on.
  #isOurs(peer: string): boolean {
    return peer.startsWith(`${this.#env.link.path}/Peers/`);
  }

  #learn(path: string, properties: Properties, isNew: boolean): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) {
      if (isNew) this.#add(path, properties);
      return;
    }
    if (isNew) entry.isLost = false;
    for (const [name, value] of properties) entry.properties.set(name, value);
    const found = parsePeer(entry.properties);
    if (found === undefined || found.ident !== entry.found.ident) return;
    entry.found = found;
    entry.peer.setDisplayElements(found.displayElements);
  }

  #add(path: string, properties: Properties): Entry | undefined {
    const found = parsePeer(properties);
    const isKnown = [...this.#entries.values()].some((each) => each.found.ident === found?.ident);
    if (found === undefined || isKnown || this.#entries.size >= MAX_PEERS) return undefined;
    const { core, deviceIdent } = this.#env;
    const scope = this.#scope.child();
    const { name, ident, displayElements } = found;
    const identifier = `${deviceIdent}_${ident}`;
    const control: PeerControl = {
      get methods() {
        return entry.found.methods;
      },
      connect: (request, signal) => this.#connect(entry, request, signal),
      disconnect: () => this.#disconnect(entry),
      released: () => {
        entry.wish = undefined;
        this.#forgetLost(entry);
      },
    };
    const peer = core.peers.add({ identifier, deviceIdent, name, displayElements, control }, scope);
    const entry: Entry = {
      path, properties: new Map(properties), scope, found, peer, wish: undefined, isLost: false,
    };
    this.#entries.set(path, entry);
    return entry;
  }

  #lose(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isLost = true;
    this.#forgetLost(entry);
  }

  #forgetLost(entry: Entry): void {
    if (!entry.isLost || entry.peer.isInUse) return;
    if (this.#entries.get(entry.path) === entry) this.#entries.delete(entry.path);
    void entry.scope.close();
  }

  // A peer may ask before it was found: what it is has to be read first.
  #takeWish(path: string, wish: Wish): void {
    const known = this.#entries.get(path);
    if (known !== undefined) return this.#ask(known, wish);
    this.#env.link.properties(path).then(
      (properties) => {
        const entry = this.#scope.signal.aborted ? undefined : this.#entries.get(path) ?? this.#add(path, properties);
        if (entry !== undefined) this.#ask(entry, wish);
      },
      (error: unknown) => log.debug('%s: %s', path, messageOf(error)),
    );
  }

  #ask(entry: Entry, wish: Wish): void {
    if (entry.peer.isInUse) return;
    entry.wish = wish;
    entry.peer.takeRequest(wish.kind === 'group' && wish.passwordId !== PASSWORD.pushButton);
  }

  #takeInvitation(properties: Properties): void {
    // One to a group that is remembered is the supplicant's business.
    if ((properties.get('persistent_id')?.as('i') ?? -1) >= 0) return;
    const owner = properties.get('go_dev_addr')?.as('ay') ?? properties.get('sa')?.as('ay');
    if (owner?.length !== 6) return;
    const frequencyMhz = properties.get('op_freq')?.as('i') ?? 0;
    this.#takeWish(`${this.#env.link.path}/Peers/${formatHex(owner)}`, { kind: 'invitation', frequencyMhz });
  }

  async #connect(entry: Entry, { method, isOwnerWanted }: PeerRequest, signal: AbortSignal): Promise<PeerGroup> {
    if (this.#attempt !== undefined) throw new ConnmanError('Failed', 'Device or resource busy');
    const { wish, found } = entry;
    const frequencyMhz = wish?.kind === 'invitation' ? wish.frequencyMhz : 0;
    const attempt: Attempt = {
      entry, peerHardwareAddress: undefined, resolve: () => undefined, reject: () => undefined,
    };
    this.#attempt = attempt;
    this.#env.onBusy();
    try {
      if (frequencyMhz > 0) await this.#env.look(frequencyMhz, signal);
      return await new Promise<PeerGroup>((resolve, reject) => {
        Object.assign(attempt, { resolve, reject });
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        if (signal.aborted) reject(signal.reason);
        this.#env.link.connect({
          peer: entry.path, method,
          isPinTyped: wish?.kind === 'group' ? wish.passwordId !== PASSWORD.userSpecified : found.onlyShowsPin,
          isJoined: wish?.kind === 'invitation' || (wish === undefined && found.isGroupOwner),
          frequencyMhz,
          ownerIntent: isOwnerWanted ? OWNER_INTENT.wanted : OWNER_INTENT.any,
        }).catch(reject);
      });
    } catch (error) {
      if (this.#attempt === attempt) this.#attempt = undefined;
      this.#isCancelling = true;
      await this.#env.link.cancel();
      this.#isCancelling = false;
      throw error instanceof ConnmanError ? error : new ConnmanError('Failed', undefined, { cause: error });
    } finally {
      entry.wish = undefined;
      if (this.#attempt === attempt) this.#attempt = undefined;
      this.#env.onBusy();
    }
  }

  async #disconnect(entry: Entry): Promise<void> {
    const group = this.#group;
    if (group?.entry !== entry) return;
    this.#group = undefined;
    await this.#env.link.leave(group.link);
    this.#env.onBusy();
  }

  #isAttempted(properties: Properties): boolean {
    return this.#attempt?.entry.path === properties.get('peer_object')?.as('o');
  }

  #noteNegotiated(properties: Properties): void {
    if (this.#attempt === undefined || !this.#isAttempted(properties)) return;
    this.#attempt.peerHardwareAddress = properties.get('peer_interface_addr')?.as('ay');
  }

  #fail(why: string): void {
    this.#attempt?.reject(new ConnmanError('Failed', why));
  }

  // Groups that nobody here asked for are left alone.
  #takeGroup(properties: Properties): void {
    const attempt = this.#attempt;
    const link = properties.get('interface_object')?.as('o');
    if (link === undefined) return;
    if (attempt === undefined) {
      if (this.#isCancelling) void this.#env.link.leave(link);
      return;
    }
    this.#attempt = undefined;
    const { entry, peerHardwareAddress } = attempt;
    this.#group = { entry, link, path: properties.get('group_object')?.as('o') ?? '' };
    const role = properties.get('role')?.as('s') === 'GO' ? 'owner' : 'client';
    this.#env.link.interfaceName(link).then(
      (interfaceName) => attempt.resolve({
        interfaceName, role, peerHardwareAddress: isUsable(peerHardwareAddress) ? peerHardwareAddress : undefined,
        given: givenAddress(properties),
      }),
      (error: unknown) => attempt.reject(error),
    );
  }

  // The peer has gone; where we own the group, nobody is in it any more.
  #leaveGroup(): void {
    const group = this.#group;
    if (group !== undefined) void this.#env.link.leave(group.link);
    this.#endGroup();
  }

  #endGroup(): void {
    const group = this.#group;
    if (group === undefined) return;
    this.#group = undefined;
    group.entry.peer.reportEnded();
    this.#env.onBusy();
  }
}

function isUsable(hardwareAddress: Uint8Array | undefined): boolean {
  return hardwareAddress?.length === 6 && !equalBytes(hardwareAddress, new Uint8Array(6));
}

/** Wi-Fi Direct 4.2.8: what the owner gave with the key. */
function givenAddress(properties: Properties): PeerGroup['given'] {
  const [address, mask, owner] = ['IpAddr', 'IpAddrMask', 'IpAddrGo'].map((name) => {
    const bytes = properties.get(name)?.as('ay');
    return bytes?.length === 4 ? new IpAddress(bytes) : undefined;
  });
  const prefixLength = mask === undefined ? undefined : prefixLengthOfNetmask(mask);
  if (address === undefined || !isHost(address) || prefixLength === undefined || prefixLength === 0) return undefined;
  return { address, prefixLength, owner: owner !== undefined && isHost(owner) ? owner : undefined };
}

function isHost({ isUnspecified, isLoopback, isMulticast, isBroadcast }: IpAddress): boolean {
  return !isUnspecified && !isLoopback && !isMulticast && !isBroadcast;
}
