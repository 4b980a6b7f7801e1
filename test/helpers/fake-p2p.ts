/**
 * Wi-Fi Direct of the supplicant in memory (fake-supplicant.ts): devices come and go as the test
 * says, and connecting leads where it says, with the signals of the real one (wpa_supplicant 2.10).
 */

import type { Bus, Exported } from '../../src/dbus/bus.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import { describeInterface } from '../../src/dbus/interface.ts';
import {
  supplicantGroupInterface, supplicantP2pInterface, supplicantPeerInterface,
} from '../../src/dbus/interfaces/wpa-supplicant-p2p.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import type { Scope } from '../../src/shared/scope.ts';
import type { FakeKernel } from './fake-kernel.ts';

const NAME = 'fi.w1.wpa_supplicant1';
const GROUP_LINK = '/fi/w1/wpa_supplicant1/Interfaces/9';
const GROUP = `${GROUP_LINK}/Groups/x1`;

const deviceObject = describeInterface({
  ...supplicantP2pInterface, properties: { P2PDeviceConfig: { type: 'a{sv}', access: 'readwrite' } },
});
const peerObject = describeInterface({
  ...supplicantPeerInterface,
  properties: { DeviceName: 's', DeviceAddress: 'ay', config_method: 'q', groupcapability: 'y', IEs: 'ay' },
});
const groupLinkObject = describeInterface({
  name: 'fi.w1.wpa_supplicant1.Interface', methods: {}, signals: {}, properties: { Ifname: 's' },
});

/** A device in the air. */
export interface FakePeer {
  readonly name: string;
  /** Wi-Fi Simple Configuration's bits: 0x80 push button, 0x8 display, 0x100 keypad. */
  readonly methods?: number;
  readonly isGroupOwner?: boolean;
  readonly elements?: Uint8Array;
}

/** What becomes of a connection that we begin. */
export type Outcome =
  /** A group in this role; its owner gives addresses where `given`. */
  | { readonly kind: 'group'; readonly role: 'GO' | 'client'; readonly given?: readonly [own: string, owner: string] }
  | { readonly kind: 'refused' | 'formationFailed' | 'silent' | 'error' };

/** A radio's Wi-Fi Direct. */
export class FakeP2p {
  /** What was asked: `Find`, `Connect 02aa… pbc go_intent=7`. */
  readonly calls: string[] = [];
  outcome: Outcome = { kind: 'group', role: 'client', given: ['192.168.49.20', '192.168.49.1'] };
  /** Of the peer, in the group. */
  peerInterface = Uint8Array.of(2, 0, 0, 0, 0xff, 1);
  kernel: FakeKernel | undefined;
  #bus: Bus | undefined;
  #path = '';
  #scope: Scope | undefined;
  #device: Exported<typeof deviceObject> | undefined;
  /** StopFind ends that as well. */
  #isNegotiating = false;
  #group: { readonly role: string; readonly peer: string; readonly scope: Scope } | undefined;

  /** For `FakeSupplicantOptions`. */
  readonly onLink = (bus: Bus, path: string, scope: Scope): void => {
    this.#bus = bus;
    this.#path = path;
    this.#scope = scope;
    scope.defer(() => this.#forgetGroup());
    this.#device = bus.export(path, deviceObject, {
      properties: { P2PDeviceConfig: () => new Map<string, Variant>() },
      setters: {
        P2PDeviceConfig: (value) => {
          const type = Buffer.from(value.get('PrimaryDeviceType')?.as('ay') ?? []).toString('hex');
          this.calls.push(`Config ${value.get('DeviceName')?.as('s')} ${type}`);
        },
      },
      methods: {
        ...this.#plainMethods(),
        Connect: ({ args }) => this.#connect(args),
        Cancel: () => void this.calls.push('Cancel'),
        Disconnect: () => undefined,
      },
    }, scope);
  };

  get link(): string {
    return this.#path;
  }

  pathOf(address: string): string {
    return `${this.#path}/Peers/${address}`;
  }

  /** Properties as they come on the wire, whatever they are. */
  findRaw(id: string, properties: Readonly<Record<string, Variant>>): void {
    this.#device?.emit('DeviceFoundProperties', {
      path: this.pathOf(id), properties: new Map(Object.entries(properties)),
    });
  }

  find(address: string, peer: FakePeer): void {
    this.findRaw(address, propertiesOf(address, peer));
  }

  /** The device is there to be asked, but nobody was told. */
  hide(address: string, { name, methods = 0x80, isGroupOwner = false, elements }: FakePeer): void {
    if (this.#bus === undefined || this.#scope === undefined) throw new Error('no radio');
    this.#bus.export(this.pathOf(address), peerObject, {
      properties: {
        DeviceName: () => name,
        DeviceAddress: () => Buffer.from(address, 'hex'),
        config_method: () => methods,
        groupcapability: () => (isGroupOwner ? 1 : 0),
        IEs: () => elements ?? new Uint8Array(),
      },
      methods: {},
    }, this.#scope);
  }

  change(address: string, properties: Readonly<Record<string, Variant>>): void {
    if (this.#bus === undefined || this.#scope === undefined) throw new Error('no radio');
    const own = this.#scope.child();
    this.#bus.export(this.pathOf(address), supplicantPeerInterface, { methods: {} }, own)
      .emit('PropertiesChanged', { properties: new Map(Object.entries(properties)) });
    void own.close();
  }

  lose(address: string): void {
    this.#device?.emit('DeviceLost', { path: this.pathOf(address) });
  }

  /** The peer wants a group: 4 by push button, 5 shows a PIN, 1 will type ours. */
  ask(address: string, passwordId: number): void {
    this.#device?.emit('GONegotiationRequest', {
      path: this.pathOf(address), dev_passwd_id: passwordId, device_go_intent: 7,
    });
  }

  invite(address: string, { persistentId = -1, frequencyMhz = 2437 } = {}): void {
    this.#device?.emit('InvitationReceived', {
      invite_result: new Map([
        ['go_dev_addr', variant('ay', Buffer.from(address, 'hex'))], ['persistent_id', variant('i', persistentId)],
        ['op_freq', variant('i', frequencyMhz)],
      ]),
    });
  }

  stopFinding(): void {
    this.#device?.emit('FindStopped', {});
  }

  /** The group that a connection led to comes about now. */
  startGroup(peer: string, role: 'GO' | 'client', given?: readonly [own: string, owner: string]): void {
    if (this.#bus === undefined || this.#scope === undefined) return;
    const scope = this.#scope.child();
    this.#group = { role, peer, scope };
    this.kernel?.addLink({
      name: 'p2p-wlan0-0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0xff, 0), isUp: true, hasCarrier: true,
    });
    this.#bus.export(GROUP_LINK, groupLinkObject, { properties: { Ifname: () => 'p2p-wlan0-0' }, methods: {} }, scope);
    this.#bus.export(GROUP_LINK, supplicantP2pInterface, {
      methods: { ...this.#plainMethods(), Connect: () => '', Cancel: () => undefined, Disconnect: () => {
        this.calls.push('Disconnect');
        this.finishGroup();
      } },
    }, scope);
    const octets = (text: string): Variant => variant('ay', Uint8Array.from(text.split('.').map(Number)));
    this.#device?.emit('GroupStarted', {
      properties: new Map<string, Variant>([
        ['interface_object', variant('o', GROUP_LINK)], ['role', variant('s', role)],
        ['group_object', variant('o', GROUP)], ['persistent', variant('b', false)],
        ...(given === undefined ? [] : [
          ['IpAddr', octets(given[0])] as const, ['IpAddrMask', octets('255.255.255.0')] as const,
          ['IpAddrGo', octets(given[1])] as const,
        ]),
      ]),
    });
  }

  /** The group is no more. */
  finishGroup(): void {
    const group = this.#group;
    if (group === undefined) return;
    this.#device?.emit('GroupFinished', {
      properties: new Map<string, Variant>([
        ['interface_object', variant('o', GROUP_LINK)], ['role', variant('s', group.role)],
        ['group_object', variant('o', GROUP)],
      ]),
    });
    this.#forgetGroup();
  }

  /** The peer leaves our group. */
  leaveGroup(): void {
    const group = this.#group;
    if (this.#bus === undefined || group === undefined) throw new Error('no group');
    this.#bus.export(GROUP, supplicantGroupInterface, { methods: {} }, group.scope)
      .emit('PeerDisconnected', { peer: group.peer });
  }

  #forgetGroup(): void {
    const group = this.#group;
    this.#group = undefined;
    if (group !== undefined) setImmediate(() => void group.scope.close());
    if (this.kernel?.mirror.linkByName('p2p-wlan0-0') !== undefined) this.kernel.removeLink('p2p-wlan0-0');
  }

  #connect(args: ReadonlyMap<string, Variant>): string {
    const peer = args.get('peer')?.as('o') ?? '';
    const words = [...args].filter(([key]) => key !== 'peer' && key !== 'wps_method')
      .map(([key, { value }]) => `${key}=${value}`);
    this.calls.push(['Connect', peer.split('/').at(-1), args.get('wps_method')?.as('s'), ...words].join(' '));
    const { outcome } = this;
    this.#isNegotiating = true;
    this.#device?.emit('FindStopped', {});
    if (outcome.kind === 'error') throw new DBusError(`${NAME}.Interface.P2PDevice.ConnectChannelUnavailable`, 'no');
    // Time for others to be heard before the peer answers.
    setImmediate(() => setImmediate(() => setImmediate(() => this.#conclude(peer, outcome))));
    return '00000000';
  }

  #conclude(peer: string, outcome: Outcome): void {
    if (!this.#isNegotiating) return;
    this.#isNegotiating = false;
    const about = new Map<string, Variant>([['peer_object', variant('o', peer)], ['status', variant('i', 0)]]);
    switch (outcome.kind) {
      case 'group':
        this.#device?.emit('GONegotiationSuccess', {
          properties: new Map([...about, ['peer_interface_addr', variant('ay', this.peerInterface)]]),
        });
        return this.startGroup(peer, outcome.role, outcome.given);
      case 'refused':
        return this.#device?.emit('GONegotiationFailure', { properties: about });
      case 'formationFailed':
        return this.#device?.emit('GroupFormationFailure', { reason: '' });
      case 'silent':
      case 'error':
        return;
    }
  }

  #plainMethods() {
    const note = (member: string) => (): void => void this.calls.push(member);
    const service = (member: string) => ({ args }: { args: ReadonlyMap<string, Variant> }): void => {
      const values = [...args].map(([, { value }]) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value));
      this.calls.push([member, ...values].join(' '));
    };
    return {
      Find: note('Find'),
      StopFind: () => {
        this.calls.push('StopFind');
        this.#isNegotiating = false;
      },
      ExtendedListen: service('ExtendedListen'),
      AddService: service('AddService'),
      DeleteService: (call: { args: ReadonlyMap<string, Variant> }) => {
        if (call.args.has('response')) throw new DBusError(`${NAME}.InvalidArgs`, 'wrong arguments');
        service('DeleteService')(call);
      },
      FlushService: note('FlushService'),
    };
  }
}

function propertiesOf(address: string, peer: FakePeer): Record<string, Variant> {
  const { name, methods = 0x80, isGroupOwner = false, elements = new Uint8Array() } = peer;
  return {
    DeviceName: variant('s', name),
    DeviceAddress: variant('ay', Buffer.from(address, 'hex')),
    config_method: variant('q', methods),
    groupcapability: variant('y', isGroupOwner ? 1 : 0),
    IEs: variant('ay', elements),
  };
}
