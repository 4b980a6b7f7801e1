/**
 * Requests about policy routing rules (rtnetlink(7)).
 */

import type { Connection } from '../connection.ts';
import { FLAG } from '../message.ts';
import { RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE, decodeRule, writeRule, writeRuleDump } from './codec.ts';
import type { RuleRequests } from './rule.ts';

/** Requests about rules over `connection`. */
export function ruleRequests(connection: Connection): RuleRequests {
  return {
    add: (rule, signal) =>
      connection.perform({
        operation: 'RTM_NEWRULE', type: RTM_NEWRULE, flags: FLAG.create | FLAG.exclusive,
        body: (writer) => writeRule(writer, rule),
      }, signal),
    remove: (rule, signal) =>
      connection.perform({
        operation: 'RTM_DELRULE', type: RTM_DELRULE, body: (writer) => writeRule(writer, rule),
      }, signal),
    async list(family, signal) {
      const rules = await connection.request({
        operation: 'RTM_GETRULE', type: RTM_GETRULE, flags: FLAG.dump, decode: decodeRule,
        body: (writer) => writeRuleDump(writer, family),
      }, signal);
      return rules.filter((rule) => rule.family === family);
    },
  };
}
