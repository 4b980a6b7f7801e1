/**
 * Radios and their interfaces: the kernel's family nl80211 (linux/nl80211.h), as iw(8) shows them.
 * Radios have numbers of their own (wiphy), asked for by an interface of theirs. Frequencies in MHz.
 */

import type { Scope } from '../../shared/scope.ts';
import type { Decoded, Shape } from '../attributes.ts';
import { bytes, flag, list, nested, string, u32 } from '../kinds.ts';
import type { FamilyDescription, Genl } from './genl.ts';

/** What an interface of a radio is for (NL80211_IFTYPE_*). */
const INTERFACE_TYPES = { station: 2, accessPoint: 3 } as const;

/** A radio. */
export interface Wiphy {
  readonly index: number;
  readonly canBeAccessPoint: boolean;
  /** On how many channels a station and an access point can be at once; 0 where they cannot. */
  readonly channelsBeside: number;
  /** Every frequency it knows, ascending. */
  readonly frequencies: readonly Frequency[];
}

/** A frequency as the rules of the country have it now. */
export interface Frequency {
  readonly mhz: number;
  /** Whether one may begin to send there: it is neither forbidden nor only for answers nor shared with radar. */
  readonly isFree: boolean;
}

/** The radio of an interface. Rejects with NetlinkError. */
export async function readWiphy(genl: Genl, ifindex: number, signal?: AbortSignal): Promise<Wiphy> {
  const request = { command: GET_WIPHY, isDump: true, attributes: { ifindex, splitDump: true as const } };
  const parts = (await genl.request(NL80211_FAMILY, request, signal)).map(({ attributes }) => attributes);
  const types = parts.flatMap(({ interfaceTypes }) => numbersOf(interfaceTypes));
  return {
    index: parts.find(({ wiphy }) => wiphy !== undefined)?.wiphy ?? 0,
    canBeAccessPoint: types.includes(INTERFACE_TYPES.accessPoint),
    channelsBeside: Math.max(0, ...parts.flatMap(({ combinations = [] }) => combinations.map(channelsOf))),
    frequencies: parts.flatMap(({ bands = [] }) => bands.flatMap(({ frequencies = [] }) => frequencies.map(frequency)))
      .sort((one, other) => one.mhz - other.mhz),
  };
}

/** Where an interface is; undefined where it is nowhere. Rejects with NetlinkError. */
export async function readFrequency(genl: Genl, ifindex: number, signal?: AbortSignal): Promise<number | undefined> {
  const [answer] = await genl.request(NL80211_FAMILY, { command: GET_INTERFACE, attributes: { ifindex } }, signal);
  return answer?.attributes.frequency;
}

/** Makes another interface of a radio. Rejects with NetlinkError. */
export async function addRadioInterface(
  genl: Genl, wiphy: number, interfaceName: string, type: keyof typeof INTERFACE_TYPES,
): Promise<void> {
  const attributes = { wiphy, interfaceName, interfaceType: INTERFACE_TYPES[type] };
  await genl.request(NL80211_FAMILY, { command: NEW_INTERFACE, attributes });
}

/** Removes one. Rejects with NetlinkError. */
export async function removeRadioInterface(genl: Genl, ifindex: number): Promise<void> {
  await genl.request(NL80211_FAMILY, { command: DEL_INTERFACE, attributes: { ifindex } });
}

/**
 * Tells `onChange` of stations that come to an access point and leave it, by their addresses, until
 * `scope` closes; `onLoss` when some of that was lost. Rejects with NetlinkError.
 */
export async function watchStations(
  genl: Genl, ifindex: number, scope: Scope,
  { onChange, onLoss }: { onChange(address: Uint8Array, isThere: boolean): void; onLoss(): void },
): Promise<void> {
  await genl.observe(NL80211_FAMILY, 'mlme', scope, {
    onLoss,
    onMessage({ command, attributes }) {
      const { ifindex: where, address } = attributes;
      if (where !== ifindex || address?.length !== 6) return;
      if (command === NEW_STATION || command === DEL_STATION) onChange(address, command === NEW_STATION);
    },
  });
}

/** The stations of an access point, by their addresses. Rejects with NetlinkError. */
export async function listStations(genl: Genl, ifindex: number): Promise<readonly Uint8Array[]> {
  const request = { command: GET_STATION, isDump: true, attributes: { ifindex } };
  return (await genl.request(NL80211_FAMILY, request)).flatMap(({ attributes: { address } }) => address ?? []);
}

/** Asks that the rules of a country hold, ISO 3166 alpha-2; the kernel may know better. Rejects with NetlinkError. */
export async function requestCountry(genl: Genl, country: string): Promise<void> {
  await genl.request(NL80211_FAMILY, { command: REQ_SET_REG, attributes: { country } });
}

// As many of each kind as its limit says, and so many together.
function channelsOf({ limits = [], maxInterfaces = 0, channels = 0 }: Decoded<typeof COMBINATION>): number {
  const { station, accessPoint } = INTERFACE_TYPES;
  const sets = limits.map(({ max = 0, types }) => ({ max, types: numbersOf(types) }));
  const isPossible = maxInterfaces >= 2 && sets.some((one) => one.max > 0 && one.types.includes(station)
    && sets.some((other) => other.types.includes(accessPoint) && other.max >= (other === one ? 2 : 1)));
  return isPossible ? channels : 0;
}

function frequency({ mhz = 0, isDisabled, isPassive, hasRadar }: Decoded<typeof FREQUENCY>): Frequency {
  return { mhz, isFree: isDisabled === undefined && isPassive === undefined && hasRadar === undefined };
}

// Flags whose numbers are the values.
function numbersOf(flags: Decoded<typeof NUMBERS> | undefined): number[] {
  return flags?.unknown?.map(({ type }) => type) ?? [];
}

const GET_WIPHY = 1; // NL80211_CMD_GET_WIPHY
const GET_INTERFACE = 5;
const NEW_INTERFACE = 7;
const DEL_INTERFACE = 8;
const GET_STATION = 17;
const NEW_STATION = 19;
const DEL_STATION = 20;
const REQ_SET_REG = 27;

const NUMBERS = {} as const satisfies Shape;

/** NL80211_FREQUENCY_ATTR_*. */
const FREQUENCY = {
  mhz: [1, u32], isDisabled: [2, flag], isPassive: [3, flag], hasRadar: [5, flag],
} as const satisfies Shape;

/** NL80211_BAND_ATTR_*. */
const BAND = { frequencies: [1, list(nested(FREQUENCY))] } as const satisfies Shape;

/** NL80211_IFACE_LIMIT_* and NL80211_IFACE_COMB_*. */
const LIMIT = { max: [1, u32], types: [2, nested(NUMBERS)] } as const satisfies Shape;
const COMBINATION = {
  limits: [1, list(nested(LIMIT))], maxInterfaces: [2, u32], channels: [4, u32],
} as const satisfies Shape;

/** NL80211_ATTR_*. */
export const NL80211_FAMILY = {
  name: 'nl80211', version: 1,
  attributes: {
    wiphy: [1, u32],
    ifindex: [3, u32],
    interfaceName: [4, string],
    interfaceType: [5, u32],
    address: [6, bytes],
    bands: [22, list(nested(BAND))],
    interfaceTypes: [32, nested(NUMBERS)],
    country: [33, string],
    frequency: [38, u32],
    combinations: [120, list(nested(COMBINATION))],
    splitDump: [174, flag],
  },
} as const satisfies FamilyDescription<Shape>;
