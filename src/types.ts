/**
 * ConnMan's words for kinds of links, shared by technologies, devices, networks and services.
 * The strings are part of the D-Bus contract and of identifiers on disk.
 */

/** Types of technologies; one technology object each. */
export type TechnologyType = 'ethernet' | 'wifi' | 'cellular' | 'bluetooth' | 'p2p' | 'gadget';

/** Types of services. */
export type ServiceType = 'ethernet' | 'wifi' | 'bluetooth' | 'cellular' | 'vpn' | 'gadget';

/** `Name` of a technology, also its group in the settings file. */
export const TECHNOLOGY_NAMES: Readonly<Record<TechnologyType, string>> = {
  ethernet: 'Wired',
  wifi: 'WiFi',
  cellular: 'Cellular',
  bluetooth: 'Bluetooth',
  p2p: 'P2P',
  gadget: 'Gadget',
};
