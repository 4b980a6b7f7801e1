/**
 * The Wi-Fi Direct peers in the air, in the order they were found, and what decides between them:
 * a device is in one group at most, and only one group is being made at a time.
 */

import type { Sysctl } from '../daemon/sysctl.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Ipv4Env } from '../ipconfig/ipv4.ts';
import type { Scope } from '../shared/scope.ts';
import type { Technologies } from '../technology/technologies.ts';
import type { Technology } from '../technology/technology.ts';
import type { PeerAgent } from './agent.ts';
import type { PeerDescription } from './driver.ts';
import { Peer, type PeerEnv } from './peer.ts';
import { PeerServices } from './peer-services.ts';

/** What they take from the core. */
export interface PeersParts extends Ipv4Env {
  readonly peerAgent: PeerAgent;
  readonly sysctl: Sysctl;
  hostname(): string | undefined;
}

/** A peer that appeared, with the scope that closes when it is gone. */
export interface PeerAppearance {
  readonly peer: Peer;
  readonly scope: Scope;
}

/** Wi-Fi Simple Configuration 12, "Device Name". */
const LONGEST_NAME_BYTES = 32;

/** All peers. */
export class Peers {
  /** What this machine announces to them. */
  readonly services = new PeerServices();
  readonly #env: PeerEnv;
  readonly #technologies: Technologies;
  readonly #hostname: () => string | undefined;
  readonly #peers = new Map<string, Peer>();
  readonly #added = new Emitter<PeerAppearance>();

  constructor(parts: PeersParts, technologies: Technologies) {
    const { kernel, system, clock, random, sysctl, peerAgent } = parts;
    this.#technologies = technologies;
    this.#hostname = () => parts.hostname();
    this.#env = {
      kernel, system, clock, random, sysctl,
      agent: peerAgent,
      isOwnerWanted: () => this.services.hasMaster,
      makeWay: (peer) => this.#makeWay(peer),
    };
  }

  /** What this machine is called by them: at most 32 bytes of UTF-8. */
  get ownName(): string {
    const name = this.#hostname() || 'ConnMan';
    const bytes = new TextEncoder().encode(name).subarray(0, LONGEST_NAME_BYTES);
    return new TextDecoder().decode(bytes).replace(/\ufffd+$/, '');
  }

  /** In the order they were found. */
  get list(): Iterable<Peer> {
    return this.#peers.values();
  }

  get added(): Observable<PeerAppearance> {
    return this.#added;
  }

  /** For drivers: a peer is there until `scope` closes. Throws where there is one of that identifier. */
  add(description: PeerDescription, scope: Scope): Peer {
    const { identifier } = description;
    if (this.#peers.has(identifier)) throw new Error(`a second peer ${identifier}`);
    const own = scope.child();
    own.defer(() => void this.#peers.delete(identifier));
    const shown = own.child();
    const peer = new Peer(description, this.#env, own.child());
    this.#peers.set(identifier, peer);
    this.#added.emit({ peer, scope: shown });
    this.#count(peer, own);
    return peer;
  }

  // The technology counts who is ready.
  #count(peer: Peer, scope: Scope): void {
    let counted: Technology | undefined;
    peer.changed.observe(scope, (aspect) => {
      if (aspect !== 'state' || (peer.state === 'ready') === (counted !== undefined)) return;
      counted?.countConnected(-1);
      counted = counted === undefined ? this.#technologies.get('p2p') : undefined;
      counted?.countConnected(1);
    });
  }

  async #makeWay(peer: Peer): Promise<void> {
    for (const other of [...this.#peers.values()]) {
      if (other === peer || !other.isInUse) continue;
      if (other.deviceIdent === peer.deviceIdent) await other.disconnect();
      else if (other.isConnecting) throw new ConnmanError('Failed', 'Device or resource busy');
    }
  }
}
