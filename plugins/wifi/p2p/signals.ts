/**
 * What wpa_supplicant says about Wi-Fi Direct, heard once for all radios as soon as one of them wants
 * it. Observers look for what is theirs: a group speaks with an interface of its own.
 */

import type { Core, Scope } from '../../../src/api.ts';
import {
  supplicantGroupInterface, supplicantP2pInterface, supplicantPeerInterface,
} from '../../../src/dbus/interfaces/wpa-supplicant-p2p.ts';
import { Emitter, type Observable } from '../../../src/shared/emitter.ts';
import type { Properties } from '../bss.ts';

/** A signal, with the object that speaks. */
export type P2pSignal =
  | { readonly kind: 'found' | 'changed'; readonly peer: string; readonly properties: Properties }
  | { readonly kind: 'lost'; readonly peer: string }
  | { readonly kind: 'findStopped'; readonly link: string }
  /** The peer wants to make a group; `passwordId` says how it will prove itself. */
  | { readonly kind: 'asked'; readonly peer: string; readonly passwordId: number }
  /** A group owner wants us in its group. */
  | { readonly kind: 'invited'; readonly link: string; readonly properties: Properties }
  | { readonly kind: 'negotiated' | 'refused'; readonly properties: Properties }
  | { readonly kind: 'formationFailed' }
  | { readonly kind: 'groupStarted' | 'groupFinished'; readonly properties: Properties }
  | { readonly kind: 'peerLeft'; readonly group: string; readonly peer: string };

const FROM = { sender: 'fi.w1.wpa_supplicant1' };

/** The signals of one life of the supplicant. */
export class P2pSignals {
  readonly #bus: Core['bus'];
  readonly #scope: Scope;
  readonly #heard = new Emitter<P2pSignal>();
  #listening: Promise<void> | undefined;

  constructor(bus: Core['bus'], scope: Scope) {
    this.#bus = bus;
    this.#scope = scope;
  }

  get heard(): Observable<P2pSignal> {
    return this.#heard;
  }

  /** Resolves when nothing is missed any more. */
  listen(): Promise<void> {
    this.#listening ??= this.#subscribe();
    return this.#listening;
  }

  async #subscribe(): Promise<void> {
    const bus = this.#bus;
    const scope = this.#scope;
    const p2p = supplicantP2pInterface;
    const tell = (signal: P2pSignal): void => this.#heard.emit(signal);
    await Promise.all([
      bus.subscribe(p2p, 'DeviceFoundProperties', FROM, scope, ({ path: peer, properties }) =>
        tell({ kind: 'found', peer, properties })),
      bus.subscribe(p2p, 'DeviceLost', FROM, scope, ({ path: peer }) => tell({ kind: 'lost', peer })),
      bus.subscribe(p2p, 'FindStopped', FROM, scope, (_, { path = '' }) => tell({ kind: 'findStopped', link: path })),
      bus.subscribe(p2p, 'GONegotiationRequest', FROM, scope, ({ path: peer, dev_passwd_id: passwordId }) =>
        tell({ kind: 'asked', peer, passwordId })),
      bus.subscribe(p2p, 'InvitationReceived', FROM, scope, ({ invite_result: properties }, { path = '' }) =>
        tell({ kind: 'invited', link: path, properties })),
      bus.subscribe(p2p, 'GONegotiationSuccess', FROM, scope, ({ properties }) =>
        tell({ kind: 'negotiated', properties })),
      bus.subscribe(p2p, 'GONegotiationFailure', FROM, scope, ({ properties }) =>
        tell({ kind: 'refused', properties })),
      bus.subscribe(p2p, 'GroupFormationFailure', FROM, scope, () => tell({ kind: 'formationFailed' })),
      bus.subscribe(p2p, 'GroupStarted', FROM, scope, ({ properties }) => tell({ kind: 'groupStarted', properties })),
      bus.subscribe(p2p, 'GroupFinished', FROM, scope, ({ properties }) => tell({ kind: 'groupFinished', properties })),
      bus.subscribe(supplicantPeerInterface, 'PropertiesChanged', FROM, scope, ({ properties }, { path = '' }) =>
        tell({ kind: 'changed', peer: path, properties })),
      bus.subscribe(supplicantGroupInterface, 'PeerDisconnected', FROM, scope, ({ peer }, { path = '' }) =>
        tell({ kind: 'peerLeft', group: path, peer })),
    ]);
  }
}
