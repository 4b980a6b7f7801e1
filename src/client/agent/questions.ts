/**
 * What daemons ask through agents, and in which order and words the user is asked: those of
 * ConnMan's console. Pure: asking is an argument.
 */

import { variant, type Variant } from '../../dbus/signature.ts';
import { type Properties, textOf } from '../values.ts';

/** One question; `isEnough` says whether an answer will do. */
interface Question {
  readonly field: string;
  readonly prompt: string;
  readonly isEnough?: (answer: string, fields: Properties) => boolean;
}

/** The questions of net.connman.Agent, in order. */
export const AGENT_QUESTIONS: readonly Question[] = [
  { field: 'Name', prompt: 'Hidden SSID name? ', isEnough: isSsid },
  { field: 'Identity', prompt: 'EAP username? ' },
  { field: 'Passphrase', prompt: 'Passphrase? ', isEnough: (answer, fields) => answer !== '' || fields.has('WPS') },
  { field: 'WPS', prompt: 'WPS PIN (empty line for pushbutton)? ' },
  { field: 'Username', prompt: 'WISPr username? ' },
  { field: 'Password', prompt: 'WISPr password? ' },
];

/** The questions of net.connman.vpn.Agent, in order. */
export const VPN_QUESTIONS: readonly Question[] = [
  { field: 'OpenConnect.Cookie', prompt: 'OpenConnect Cookie? ' },
  { field: 'OpenConnect.ServerCert', prompt: 'OpenConnect server certificate hash? ' },
  { field: 'OpenConnect.VPNHost', prompt: 'OpenConnect VPN server? ' },
  { field: 'OpenConnect.SecondPassword', prompt: 'VPN one-time password? ' },
  { field: 'Username', prompt: 'VPN username? ' },
  { field: 'Password', prompt: 'VPN password? ' },
];

/** Asks for one field; `prompt` is what a person reads. */
export type AskField = (field: string, prompt: string) => Promise<string>;

/** Asks for what `fields` wants, and returns the reply. Rejects as `ask` does. */
export async function answerFields(
  questions: readonly Question[],
  fields: Properties,
  ask: AskField,
): Promise<Map<string, Variant>> {
  const answers = new Map<string, Variant>();
  for (const question of [...questions.filter(({ field }) => isWanted(fields, field)), ...others(questions, fields)]) {
    const { field, prompt, isEnough = () => true } = question;
    if (field === 'WPS' && answers.has('Passphrase')) continue;
    let answer = await ask(field, prompt);
    while (!isEnough(answer, fields)) answer = await ask(field, prompt);
    const isLeftOut = field === 'Passphrase' && answer === '';
    if (!isLeftOut) answers.set(field, variant('s', answer));
  }
  return answers;
}

/** Whether an answer is for nobody to see. The PIN of WPS is not: it stands on the access point. */
export function isSecret(field: string): boolean {
  return /pass(word|phrase)|cookie|secret|.pin$/i.test(field);
}

/** Whether any question would be asked. */
export function hasQuestion(questions: readonly Question[], fields: Properties): boolean {
  return questions.some(({ field }) => isWanted(fields, field));
}

function isWanted(fields: Properties, field: string): boolean {
  return fields.has(field) && requirementOf(fields, field) !== 'informational';
}

/** VPN drivers have mandatory fields of their own, such as `OpenVPN.Password`; asked by their name. */
function others(questions: readonly Question[], fields: Properties): Question[] {
  const known = questions.map(({ field }) => field);
  return [...fields.keys()]
    .filter((field) => field.includes('.') && !known.includes(field) && requirementOf(fields, field) === 'mandatory')
    .map((field) => ({ field, prompt: `${field}? ` }));
}

function requirementOf(fields: Properties, field: string): string | undefined {
  const description = fields.get(field)?.as('a{sv}');
  return description === undefined ? undefined : textOf(description, 'Requirement');
}

function isSsid(answer: string): boolean {
  const lengthBytes = Buffer.byteLength(answer);
  return lengthBytes >= 1 && lengthBytes <= 32;
}
