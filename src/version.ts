/**
 * The version of all programs: what `-v` prints and what the User-Agent of the online check says.
 */

/** Of Causeway as a whole. */
export const VERSION = '0.1.0';
