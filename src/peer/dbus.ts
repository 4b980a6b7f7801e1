/**
 * Wi-Fi Direct on the bus: net.connman.Peer, the peers' part of net.connman.Manager, and what is
 * asked of users' agents on their behalf.
 */

import { type AgentRegistry, AgentError } from '../daemon/agents.ts';
import { encodeFields, type InputField } from '../daemon/agent-input.ts';
import type { Bus, Exported } from '../dbus/bus.ts';
import type { EncodedDictionary } from '../dbus/dictionary.ts';
import type { agentInterface } from '../dbus/interfaces/agent.ts';
import { peerInterface } from '../dbus/interfaces/peer.ts';
import { variant, type Variant } from '../dbus/signature.ts';
import { ServiceChanges } from '../manager/service-changes.ts';
import type { Clock } from '../shared/clock.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { PeerAgent } from './agent.ts';
import type { Peer, PeerAspect } from './peer.ts';
import type { PeerService } from './peer-services.ts';
import type { Peers } from './peers.ts';

const log = logger('src/peer/dbus.ts');

type Properties = EncodedDictionary | ReadonlyMap<string, Variant>;
type Listed = readonly [path: string, properties: Properties];

/** Where a peer is on the bus. */
function peerPath(peer: Peer): string {
  return `/net/connman/peer/peer_${peer.identifier}`;
}

/**
 * Serves all peers until `scope` closes, and has PeersChanged sent by `emit`; returns what GetPeers
 * answers.
 */
export function exportPeers(
  { bus, clock, peers }: { readonly bus: Bus; readonly clock: Clock; readonly peers: Peers }, scope: Scope,
  emit: (change: { changed: readonly Listed[]; removed: readonly string[] }) => void,
): () => readonly Listed[] {
  const objects = new Map<string, Exported<typeof peerInterface>>();
  const list = (): Listed[] => [...objects].map(([path, exported]) => [path, exported.dictionary()] as const);
  const changes = new ServiceChanges<string>('PeersChanged', clock, scope, (added, removed) => {
    const changed = list().map(([path, properties]) => [path, added.has(path) ? properties : NOTHING] as const);
    emit({ changed, removed: [...removed] });
  });
  peers.added.observe(scope, ({ peer, scope: itsScope }) => {
    const path = peerPath(peer);
    objects.set(path, exportPeer(bus, peer, itsScope));
    itsScope.defer(() => {
      objects.delete(path);
      changes.remove(path);
    });
    changes.add(path);
  });
  return list;
}

const NOTHING: ReadonlyMap<string, Variant> = new Map();

function exportPeer(bus: Bus, peer: Peer, scope: Scope): Exported<typeof peerInterface> {
  const exported: Exported<typeof peerInterface> = bus.export(peerPath(peer), peerInterface, {
    methods: {
      GetProperties: () => exported.dictionary(),
      Connect: (_, { caller }) => peer.connect(caller),
      Disconnect: () => peer.disconnect(),
    },
    properties: {
      State: () => peer.state,
      Name: () => peer.name,
      IPv4: () => addressDictionary(peer),
      Services: () => [[serviceDictionary(peer)] as const],
    },
  }, scope);
  peer.changed.observe(scope, (aspect) => exported.changed(PROPERTIES[aspect]));
  return exported;
}

const PROPERTIES = {
  state: 'State', addresses: 'IPv4', displayElements: 'Services',
} as const satisfies Record<PeerAspect, string>;

function addressDictionary({ addresses }: Peer): ReadonlyMap<string, Variant> {
  if (addresses === undefined) return NOTHING;
  const { local, remote } = addresses;
  return new Map([
    ['Local', variant('s', local.toString())], ['Remote', variant('s', remote?.toString() ?? '')],
  ]);
}

// One dictionary even where there is nothing to say, as ConnMan has it.
function serviceDictionary({ displayElements }: Peer): ReadonlyMap<string, Variant> {
  return displayElements.length === 0 ? NOTHING : new Map([['WiFiDisplayIEs', variant('ay', displayElements)]]);
}

/** What RegisterPeerService is about. Throws InvalidArguments. */
export function parsePeerService(specification: ReadonlyMap<string, Variant>): PeerService {
  const names = [...specification.keys()].toSorted().join();
  switch (names) {
    case 'BonjourQuery,BonjourResponse':
      return {
        kind: 'bonjour',
        query: bytesOf(specification, 'BonjourQuery'),
        response: bytesOf(specification, 'BonjourResponse'),
      };
    case 'UpnpService,UpnpVersion': {
      const service = specification.get('UpnpService')?.as('s');
      const version = specification.get('UpnpVersion')?.as('i');
      // The supplicant knows versions of one byte.
      if (!service || service.length > LONGEST_BYTES || version === undefined || version < 0 || version > 255) break;
      return { kind: 'upnp', service, version };
    }
    case 'WiFiDisplayIEs': {
      const elements = bytesOf(specification, 'WiFiDisplayIEs');
      // Wi-Fi Display 5.1.2: the first subelement is device information, of six bytes.
      if (elements.length < 9 || elements[0] !== 0 || elements[1] !== 0 || elements[2] !== 6) break;
      return { kind: 'display', elements };
    }
  }
  throw new ConnmanError('InvalidArguments');
}

/** A service discovery frame carries no more. */
const LONGEST_BYTES = 1400;

function bytesOf(specification: ReadonlyMap<string, Variant>, name: string): Uint8Array {
  const bytes = specification.get(name)?.as('ay');
  if (bytes === undefined || bytes.length === 0 || bytes.length > LONGEST_BYTES) {
    throw new ConnmanError('InvalidArguments');
  }
  return bytes.slice();
}

/** Users, as far as `agents` reach them; they have `timeoutSec` (InputRequestTimeout) to answer. */
export function peerAgent(agents: AgentRegistry<typeof agentInterface>, timeoutSec: number): PeerAgent {
  const timeoutMs = timeoutSec * 1000;
  return {
    get hasAgent() {
      return agents.hasAgent;
    },
    async authorize(peer, needsProof, caller, signal) {
      const fields = encodeFields(needsProof ? PROOF : []);
      const args = { peer: peerPath(peer), fields };
      try {
        const answer = await agents.request(
          caller?.id, (agent, how) => agent.RequestPeerAuthorization(args, how), { timeoutMs, signal },
        );
        const said = answer.get('WPS')?.as('s');
        if (needsProof && said === undefined) throw new ConnmanError('Failed');
        return said ?? '';
      } catch (error) {
        if (signal.aborted || !(error instanceof AgentError)) throw error;
        throw new ConnmanError('Failed', undefined, { cause: error });
      }
    },
    async reportError(peer, caller, signal) {
      if (!agents.hasAgent) return 'nobody';
      const args = { peer: peerPath(peer), error: 'connect-failed' };
      try {
        await agents.request(caller?.id, (agent, how) => agent.ReportPeerError(args, how), { timeoutMs, signal });
        return 'dismissed';
      } catch (refusal) {
        if (signal.aborted) throw refusal;
        log.debug('%s: ReportPeerError: %s', peer.identifier, messageOf(refusal));
        return refusal instanceof AgentError && refusal.reason === 'Retry' ? 'retry' : 'dismissed';
      }
    },
  };
}

const PROOF: readonly InputField[] = [{ name: 'WPS', type: 'wpspin', requirement: 'mandatory' }];
