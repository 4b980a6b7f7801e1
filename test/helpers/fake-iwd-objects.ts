/** Interfaces of iwd's objects with their properties, which a client of them need not describe. */

import { describeInterface } from '../../src/dbus/interface.ts';
import {
  iwdAccessPointInterface, iwdAdapterInterface, iwdDeviceInterface, iwdKnownNetworkInterface, iwdNetworkInterface,
  iwdStationInterface,
} from '../../src/dbus/interfaces/iwd.ts';

export const adapterObject = describeInterface({ ...iwdAdapterInterface, properties: { SupportedModes: 'as' } });
export const deviceObject = describeInterface({
  ...iwdDeviceInterface, properties: {
    Name: 's', Adapter: 'o', Mode: { type: 's', access: 'readwrite' }, Powered: { type: 'b', access: 'readwrite' },
  },
});
export const accessPointObject = describeInterface({ ...iwdAccessPointInterface, properties: { Started: 'b' } });
export const stationObject = describeInterface({
  ...iwdStationInterface, properties: { State: 's', Scanning: 'b', ConnectedNetwork: 'o' },
});
export const networkObject = describeInterface({
  ...iwdNetworkInterface, properties: { Connected: 'b', KnownNetwork: 'o' },
});
export const knownObject = describeInterface({
  ...iwdKnownNetworkInterface, properties: { Hidden: 'b', AutoConnect: { type: 'b', access: 'readwrite' } },
});
