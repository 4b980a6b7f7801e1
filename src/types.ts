/**
 * ConnMan's words for kinds of links, shared by technologies, devices, networks and services.
 * The strings are part of the D-Bus contract and of identifiers on disk.
 */

/** Types of technologies; one technology object each. */
export type TechnologyType = 'ethernet' | 'wifi' | 'cellular' | 'bluetooth' | 'p2p' | 'gadget';

const SERVICE_TYPES = ['ethernet', 'wifi', 'bluetooth', 'cellular', 'vpn', 'gadget'] as const;
/** Types of services. */
export type ServiceType = (typeof SERVICE_TYPES)[number];

/** Whether networks of this type of technology, or whatever main.conf names, are services. */
export function isServiceType(type: string): type is ServiceType {
  return SERVICE_TYPES.some((each) => each === type);
}

/** Whether it is a cable: its service is there with the link, and there is nothing to choose from. */
export function isWired(type: ServiceType | TechnologyType): boolean {
  return type === 'ethernet' || type === 'gadget';
}

/** `Name` of a technology, also its group in the settings file. */
export const TECHNOLOGY_NAMES: Readonly<Record<TechnologyType, string>> = {
  ethernet: 'Wired',
  wifi: 'WiFi',
  cellular: 'Cellular',
  bluetooth: 'Bluetooth',
  p2p: 'P2P',
  gadget: 'Gadget',
};
