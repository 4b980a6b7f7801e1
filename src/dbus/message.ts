/**
 * D-Bus messages (D-Bus specification, "Message Protocol"): the header's fields and the body.
 */

/** A message as received. */
export interface Message {
  readonly type: MessageType;
  readonly flags: number;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  /** Of `body`; empty when there is none. */
  readonly signature: string;
  /** One value per complete type of `signature`; of type h the descriptors themselves. */
  readonly body: readonly unknown[];
}

/** What a message is, by its number on the wire. */
export type MessageType = 1 | 2 | 3 | 4;
export const METHOD_CALL = 1;
export const METHOD_RETURN = 2;
export const ERROR = 3;
export const SIGNAL = 4;
