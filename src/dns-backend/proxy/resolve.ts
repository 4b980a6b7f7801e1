/**
 * From a question to its answer: what this machine knows itself, what is in the cache, what the
 * servers say, and for names of one label the search domains (as ConnMan's proxy does for programs
 * that do not search themselves).
 */

import { addressesIn } from '../../dns/answer-addresses.ts';
import { AnswerCache, type CachedAnswer } from '../../dns/cache.ts';
import { parseHosts, type Hosts } from '../../dns/hosts.ts';
import { answerLocally, answerWithAddresses } from '../../dns/local-names.ts';
import { readName } from '../../dns/name.ts';
import { HEADER_BYTES, QUESTION_TAIL_BYTES, type QueryReader } from '../../dns/query-reader.ts';
import { RECORD_TYPE } from '../../dns/records.ts';
import { Reader } from '../../shared/bytes.ts';
import type { Scope } from '../../shared/scope.ts';
import { keepAnswer, type StoredAnswer } from '../../dns/stored-answer.ts';
import { Forwarder, type Routes } from './forwarder.ts';
import type { Question, Waiter } from './request.ts';
import { wireOf } from './routes.ts';
import type { UpstreamEnv } from './upstream.ts';

const CACHE_LIMITS = { entries: 10_000, bytes: 8 << 20 };
const SEARCHED_TTL_SEC = 30;
/** How names end that `answerLocally` knows beside those of the hosts file. */
const LOCAL_ENDS = ['localhost', 'invalid', 'onion', '127.in-addr.arpa', '0.ip6.arpa']
  .flatMap((name) => wireOf(name) ?? []);
const LOCAL_LETTERS: ReadonlySet<number> = new Set(LOCAL_ENDS.map((end) => lastLetters(end, end.length)));
/** A name that is asked for less often is not worth asking again before anybody wants it. */
const POPULAR_HITS = 2;

/** Answers questions. */
export class Resolution {
  readonly cache: AnswerCache;
  readonly forwarder: Forwarder;
  #hosts: Hosts = parseHosts('');
  /** All names of the hosts file, in wire form, and how long they are. */
  #localNames: ReadonlySet<string> = new Set();
  #localBytes: ReadonlySet<number> = new Set();
  #domains: readonly string[] = [];

  /** `isRebindingStopped`: see Forwarder. */
  constructor(env: Pick<UpstreamEnv, 'clock' | 'random'>, isRebindingStopped: boolean, scope: Scope) {
    const { clock, random } = env;
    this.cache = new AnswerCache(CACHE_LIMITS, random.u32());
    this.forwarder = new Forwarder({ cache: this.cache, clock, isRebindingStopped }, scope);
  }

  /** The servers changed: what others said may be wrong now (split horizon). */
  setRoutes(routes: Routes): void {
    this.forwarder.setRoutes(routes);
    this.cache.clear();
  }

  /** The domains in which names of one label are looked for. */
  setDomains(domains: readonly string[]): void {
    this.#domains = domains.flatMap((domain) => wireOf(domain) ?? []).filter((wire) => wire !== '\0');
  }

  setHosts(text: string): void {
    this.#hosts = parseHosts(text);
    const { addresses, names } = this.#hosts;
    this.#localNames = new Set([...addresses.keys(), ...names.keys()].flatMap((name) => wireOf(name) ?? []));
    this.#localBytes = new Set([...this.#localNames].map(({ length }) => length));
    this.cache.clear();
  }

  /** The fresh answer from the cache; asks again beforehand for what is popular. */
  cached(question: Question, nowMs: number): CachedAnswer | undefined {
    const entry = this.cache.get(question.key, nowMs);
    if (entry !== undefined && isWorthAsking(entry, nowMs)) this.#refresh(question, nowMs);
    return entry;
  }

  /** As `cached`, for a query just read. */
  cachedBy(query: QueryReader, nowMs: number): CachedAnswer | undefined {
    const entry = this.cache.getBy(query, nowMs);
    if (entry !== undefined && isWorthAsking(entry, nowMs)) this.#refresh(questionOf(query), nowMs);
    return entry;
  }

  #refresh(question: Question, nowMs: number): void {
    this.cache.refreshing(question.key);
    this.forwarder.ask(question, nowMs);
  }

  /** The answer to what `cached` does not know; `waiter` may be told before this returns. */
  resolve(question: Question, nowMs: number, waiter: Waiter): void {
    const type = typeOf(question);
    const local = this.#mayBeLocal(question) ? answerLocally(textOf(question), type, this.#hosts) : undefined;
    if (local !== undefined) waiter.tell(local);
    else if (!this.#isToBeSearched(question, type)) this.forwarder.ask(question, nowMs, waiter);
    else new Search({ question, name: textOf(question), type }, this, waiter).start(this.#domains, nowMs);
  }

  // Most names are not: that is seen without taking them apart.
  #mayBeLocal({ key, lengthBytes }: Question): boolean {
    const nameBytes = lengthBytes - QUESTION_TAIL_BYTES;
    if (this.#localBytes.has(nameBytes) && this.#localNames.has(key.slice(0, nameBytes))) return true;
    return LOCAL_LETTERS.has(lastLetters(key, nameBytes)) && LOCAL_ENDS.some((end) => key.endsWith(end, nameBytes));
  }

  /** For a search: cache, then servers. */
  find(question: Question, nowMs: number, waiter: Waiter): void {
    const known = this.cached(question, nowMs);
    if (known !== undefined) waiter.tell(known);
    else this.forwarder.ask(question, nowMs, waiter);
  }

  #isToBeSearched({ key, lengthBytes }: Question, type: number): boolean {
    if (this.#domains.length === 0 || (type !== RECORD_TYPE.A && type !== RECORD_TYPE.AAAA)) return false;
    return key.charCodeAt(0) > 0 && 1 + key.charCodeAt(0) + 1 + QUESTION_TAIL_BYTES === lengthBytes;
  }
}

/** The same label in every search domain and by itself, at once; the first domain that has it wins. */
class Search {
  readonly #question: Question;
  readonly #name: string;
  readonly #type: number;
  readonly #resolution: Resolution;
  readonly #waiter: Waiter;
  #answers: (StoredAnswer | undefined)[] = [];
  #isOver = false;

  constructor(wanted: { question: Question; name: string; type: number }, resolution: Resolution, waiter: Waiter) {
    this.#question = wanted.question;
    this.#name = wanted.name;
    this.#type = wanted.type;
    this.#resolution = resolution;
    this.#waiter = waiter;
  }

  start(domains: readonly string[], nowMs: number): void {
    const { key, lengthBytes, flavour } = this.#question;
    const labelEnd = 1 + key.charCodeAt(0);
    const longer = domains.map((domain): Question => ({
      key: key.slice(0, labelEnd) + domain + key.slice(labelEnd + 1),
      lengthBytes: lengthBytes + domain.length - 1,
      flavour,
    })).filter((question) => question.lengthBytes - QUESTION_TAIL_BYTES <= 255);
    const questions = [...longer, this.#question];
    this.#answers = questions.map(() => undefined);
    for (const [index, question] of questions.entries()) {
      this.#resolution.find(question, nowMs, { tell: (answer) => this.#take(index, answer) });
    }
  }

  #take(index: number, answer: StoredAnswer): void {
    this.#answers[index] = keepAnswer(answer);
    if (this.#isOver) return;
    for (const [place, known] of this.#answers.entries()) {
      const isLast = place === this.#answers.length - 1;
      if (known === undefined) return;
      if (isLast) {
        this.#end(known);
        return;
      }
      const addresses = addressesIn(known, this.#type);
      if (addresses.length === 0) continue;
      this.#end(answerWithAddresses(this.#name, this.#type, addresses, SEARCHED_TTL_SEC));
      return;
    }
  }

  #end(answer: StoredAnswer): void {
    this.#isOver = true;
    this.#waiter.tell(answer);
  }
}

/** The question of a query just read. */
export function questionOf({ key, questionEnd, flavour }: QueryReader): Question {
  return { key, lengthBytes: questionEnd - HEADER_BYTES, flavour };
}

/** Of a name in wire form, so many bytes long: enough to see that it is none of a few. */
function lastLetters(name: string, bytes: number): number {
  return (name.charCodeAt(bytes - 3) << 8) | name.charCodeAt(bytes - 2);
}

function isWorthAsking({ refreshAtMs, hits }: CachedAnswer, nowMs: number): boolean {
  return nowMs >= refreshAtMs && hits >= POPULAR_HITS;
}

function textOf({ key, lengthBytes }: Question): string {
  return readName(new Reader(Buffer.from(key.slice(0, lengthBytes), 'latin1'), 'question'));
}

function typeOf({ key, lengthBytes }: Question): number {
  return (key.charCodeAt(lengthBytes - 4) << 8) | key.charCodeAt(lengthBytes - 3);
}
